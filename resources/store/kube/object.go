package kube

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/calctl/calctl/resources"
)

// metadata is what calctl reads of an object's metadata.
type metadata struct {
	Name              string            `json:"name"`
	UID               string            `json:"uid"`
	ResourceVersion   string            `json:"resourceVersion"`
	CreationTimestamp *time.Time        `json:"creationTimestamp"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
}

// An object is one of the API's, taken apart: what is not understood stays as it came.
type object struct {
	members map[string]json.RawMessage // all of it
	meta    map[string]json.RawMessage // all of its metadata
	metadata
}

func parse(raw []byte) (object, error) {
	var o object
	err := json.Unmarshal(raw, &o.members)
	if err == nil && o.members["metadata"] != nil {
		err = json.Unmarshal(o.members["metadata"], &o.meta)
	}
	if err == nil && o.meta != nil {
		err = json.Unmarshal(o.members["metadata"], &o.metadata)
	}
	if err != nil {
		return o, fmt.Errorf("is no object of Kubernetes: %w", err)
	}
	return o, nil
}

// put sets a member of the metadata, or removes it where the value is empty.
func (o *object) put(name string, value any, empty bool) error {
	if empty {
		delete(o.meta, name)
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	o.meta[name] = raw
	return nil
}

// encode writes the object.
func (o object) encode() ([]byte, error) {
	meta, err := json.Marshal(o.meta)
	if err != nil {
		return nil, err
	}
	o.members["metadata"] = meta
	return json.Marshal(o.members)
}

// text writes the object as Calico would keep it in etcd, for resources.DecodeStored: with
// the metadata given.
func (o object) text(kind resources.Kind, meta resources.Metadata) (string, error) {
	members := make(map[string]any, len(o.members)+1)
	for name, value := range o.members {
		members[name] = value
	}
	typ := resources.TypeOf(kind)
	members["kind"], members["apiVersion"], members["metadata"] = typ.Kind, typ.APIVersion, meta
	text, err := json.Marshal(members)
	return string(text), err
}
