package kube

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// A home is where the objects of a kind are, and how they are read.
type home struct {
	kind   resources.Kind
	group  string // and version: what its objects have as apiVersion
	path   string // /apis/crd.projectcalico.org/v1/bgppeers
	plural string // bgppeers.crd.projectcalico.org, as kubectl has it
	read   func(raw []byte) (metadata, string, error)
}

// isCalicos tells whether objects of a kind are in one of Calico's groups.
func isCalicos(kind resources.Kind) bool {
	switch kind {
	case resources.KindNode, resources.KindSecret, kindService, kindEndpointSlice:
		return false
	}
	return true
}

// homeOf is where a kind lives in a cluster with a group.
func homeOf(kind resources.Kind, group, namespace string) home {
	switch kind {
	case kindService:
		return home{kind: kind, group: "v1", path: "/api/v1/services", plural: "services"}
	case kindEndpointSlice:
		return home{kind: kind, group: "discovery.k8s.io/v1", path: "/apis/discovery.k8s.io/v1/endpointslices", plural: "endpointslices.discovery.k8s.io"}
	}
	typ := resources.TypeOf(kind)
	switch kind {
	case resources.KindNode:
		return home{kind, "v1", "/api/v1/nodes", typ.Plural, readNodeText}
	case resources.KindSecret:
		return home{kind, "v1", "/api/v1/namespaces/" + url.PathEscape(namespace) + "/secrets", typ.Plural, readSecret}
	}
	domain, _, _ := strings.Cut(group, "/")
	return home{kind, group, "/apis/" + group + "/" + typ.Plural, typ.Plural + "." + domain, func(raw []byte) (metadata, string, error) {
		o, err := parse(raw)
		if err != nil {
			return o.metadata, "", err
		}
		text, err := readCustom(group, kind, o)
		return o.metadata, text, err
	}}
}

func readNodeText(raw []byte) (metadata, string, error) {
	var k coreNode
	if err := json.Unmarshal(raw, &k); err != nil {
		return k.Metadata, "", fmt.Errorf("is no Node of Kubernetes: %w", err)
	}
	n, err := readNode(&k)
	if err != nil {
		return k.Metadata, "", err
	}
	text, err := json.Marshal(n)
	return k.Metadata, string(text), err
}

// readSecret makes the text of a Secret, whose fields are Kubernetes' own.
func readSecret(raw []byte) (metadata, string, error) {
	o, err := parse(raw)
	if err != nil {
		return o.metadata, "", err
	}
	text, err := o.text(resources.KindSecret, resources.Metadata{Name: o.Name, UID: o.UID, CreationTimestamp: o.CreationTimestamp, Labels: o.Labels, Annotations: o.Annotations})
	return o.metadata, text, err
}

// entry makes an Entry of an object. What can't be read is told of by the entry.
func (h home) entry(raw []byte) store.Entry {
	m, text, err := h.read(raw)
	return store.Entry{
		Key: resources.Key{Kind: h.kind, Name: m.Name}, Source: h.plural + "/" + m.Name,
		Version: m.ResourceVersion, Text: text, Err: err,
	}
}

// decode makes a resource of an object, with the version this is.
func (h home) decode(raw []byte, key resources.Key) (resources.Resource, error) {
	e := h.entry(raw)
	var r resources.Resource
	if e.Err == nil {
		r, e.Err = resources.DecodeStored([]byte(e.Text), key)
	}
	if e.Err != nil {
		return nil, &store.BrokenError{Entries: []resources.Broken{{Key: key, Source: h.plural + "/" + key.Name, Err: e.Err}}}
	}
	resources.NoteUnknown(r, []byte(e.Text))
	r.Meta().ResourceVersion = e.Version
	return r, nil
}
