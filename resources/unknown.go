package resources

import (
	"encoding/json"
	"reflect"
)

// UnknownFields is an annotation in which a resource carries fields that calctl
// does not know, such as those of a newer Calico: out of a datastore that holds
// them, by way of files and folders, which hold known ones only, into one that can
// hold them again. Its value is a part of the resource's JSON: the unknown fields
// and what leads to them. Lists are there with all their entries, or one could not
// tell which entry a field belongs to once somebody has edited the list.
const UnknownFields = "calctl.io/unknown-fields"

// NoteUnknown has r, which was read from stored by DecodeStored, carry the fields
// of stored that calctl does not know. Those of metadata belong to the datastore
// and are left out.
func NoteUnknown(r Resource, stored []byte) {
	unknown := unknownIn(reflect.TypeOf(r).Elem(), stored)
	meta := r.Meta()
	if unknown == nil || meta.Annotations[UnknownFields] != "" {
		return
	}
	if meta.Annotations == nil {
		meta.Annotations = map[string]string{}
	}
	meta.Annotations[UnknownFields] = string(unknown)
}

// unknownIn is what of a JSON value the type t does not know, and what leads to
// it; nil when it knows all.
func unknownIn(t reflect.Type, value json.RawMessage) json.RawMessage {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Metadata](), readsItself(t):
		return nil
	case t.Kind() == reflect.Struct:
		return unknownMembers(t, value)
	case t.Kind() == reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			return nil
		}
		for _, entry := range list {
			if unknownIn(t.Elem(), entry) != nil {
				return value
			}
		}
	}
	return nil
}

func unknownMembers(t reflect.Type, value json.RawMessage) json.RawMessage {
	had, _ := membersOf(value)
	known := fieldsOf(t)
	var rest []member
	for _, m := range had {
		if index, ok := known.index[m.name]; ok {
			m.value = unknownIn(t.FieldByIndex(index).Type, m.value)
		} else if known.have(m.name) {
			m.value = nil
		}
		if m.value != nil {
			rest = append(rest, m)
		}
	}
	if rest == nil {
		return nil
	}
	text, err := writeMembers(rest)
	if err != nil {
		return nil // it was JSON a moment ago
	}
	return text
}

// readsItself tells whether a type reads, and so knows, all there is.
func readsItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}
