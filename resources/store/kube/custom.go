package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/calctl/calctl/resources"
)

// metadataNote is the annotation in which objects of crd.projectcalico.org/v1 have the
// metadata that Calico shows. Without it, as in an object made by kubectl, the
// metadata is the object's own.
const metadataNote = "projectcalico.org/metadata"

// note is what of that annotation calctl knows, in the order in which Calico writes it.
type note struct {
	CreationTimestamp *time.Time        `json:"creationTimestamp"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
}

// noteKnown are the members of a note, and those it never has.
var noteKnown = []string{"creationTimestamp", "labels", "annotations", "name", "namespace", "uid", "resourceVersion", "managedFields"}

// stays tells whether Calico leaves a label on the object itself as well.
func stays(label string) bool {
	return strings.Contains(label, "projectcalico.org/") || strings.Contains(label, "operator.tigera.io/")
}

// readCustom makes the text of a resource of an object of Calico's.
func readCustom(group string, kind resources.Kind, o object) (string, error) {
	meta := resources.Metadata{Name: o.Name, UID: o.UID, CreationTimestamp: o.CreationTimestamp, Labels: o.Labels, Annotations: o.Annotations}
	if group == groupV3 {
		return o.text(kind, meta)
	}
	meta.UID = calicoUID(o.UID)
	if text, ok := o.Annotations[metadataNote]; ok {
		var n note
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			return "", fmt.Errorf("its annotation %s is no metadata: %w", metadataNote, err)
		}
		if n.CreationTimestamp != nil {
			meta.CreationTimestamp = n.CreationTimestamp
		}
		meta.Labels, meta.Annotations = n.Labels, n.Annotations
		for label, value := range o.Labels {
			if stays(label) {
				if meta.Labels == nil {
					meta.Labels = map[string]string{}
				}
				meta.Labels[label] = value
			}
		}
	}
	return o.text(kind, meta)
}

// writeCustom makes an object of Calico's of the text of a resource, which has the
// metadata given. stored is the object that is replaced, whose version is to be the
// stored one; nil when there is none.
func writeCustom(group string, kind resources.Kind, text []byte, meta *resources.Metadata, stored *object) ([]byte, error) {
	o, err := parse(text)
	if err != nil {
		return nil, err
	}
	o.meta = map[string]json.RawMessage{}
	var was metadata
	if stored != nil {
		o.meta, was = maps.Clone(stored.meta), stored.metadata
		delete(o.meta, "managedFields") // the server's: it knows them
	}
	delete(meta.Annotations, resources.UnknownFields) // they are fields in text
	labels, annotations := meta.Labels, meta.Annotations
	if group == groupV1 {
		labels, annotations = map[string]string{}, map[string]string{}
		if noted, ok := was.Annotations[metadataNote]; ok || stored == nil {
			for label, value := range was.Labels { // whoever put them there
				if !stays(label) {
					labels[label] = value
				}
			}
			maps.Copy(annotations, was.Annotations)
			annotations[metadataNote], err = writeNote(noted, meta)
		} else {
			annotations[metadataNote], err = writeNote("", meta)
		}
		for label, value := range meta.Labels {
			if stays(label) {
				labels[label] = value
			}
		}
	}
	for _, put := range []struct {
		name  string
		value any
		empty bool
	}{
		{"name", meta.Name, false},
		{"labels", labels, len(labels) == 0},
		{"annotations", annotations, len(annotations) == 0},
	} {
		if err == nil {
			err = o.put(put.name, put.value, put.empty)
		}
	}
	if err != nil {
		return nil, err
	}
	o.members["apiVersion"], _ = json.Marshal(group)
	o.members["kind"], _ = json.Marshal(kind)
	return o.encode()
}

// writeNote makes the annotation for metadata; what stored has besides stays.
func writeNote(stored string, meta *resources.Metadata) (string, error) {
	text, err := json.Marshal(note{meta.CreationTimestamp, meta.Labels, meta.Annotations})
	if err != nil || stored == "" {
		return string(text), err
	}
	var had map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stored), &had); err != nil {
		return "", fmt.Errorf("annotation %s: %w", metadataNote, err)
	}
	for _, name := range slices.Sorted(maps.Keys(had)) {
		if slices.Contains(noteKnown, name) {
			continue
		}
		member, err := json.Marshal(map[string]json.RawMessage{name: had[name]})
		if err != nil {
			return "", err
		}
		text = append(append(text[:len(text)-1], ','), member[1:]...)
	}
	return string(text), nil
}
