package resources

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

// EncodeStored writes r as the one line of JSON that Calico keeps in etcd:
// fields in Calico's order, no resourceVersion. stored is what is being
// replaced, nil when nothing is: fields it has and calctl does not know, such as
// those of a newer Calico, stay. So they do in the entries of a list, as long as
// one can tell which entry they belong to. Those that r carries in its annotation
// UnknownFields become fields again.
func EncodeStored(r Resource, stored []byte) ([]byte, error) {
	meta := r.Meta()
	defer func(v string, a map[string]string) { meta.ResourceVersion, meta.Annotations = v, a }(meta.ResourceVersion, meta.Annotations)
	meta.ResourceVersion = ""
	carried, carries := meta.Annotations[UnknownFields]
	if carries {
		meta.Annotations = maps.Clone(meta.Annotations)
		delete(meta.Annotations, UnknownFields)
	}
	text, err := json.Marshal(r)
	for _, old := range []string{carried, string(stored)} {
		if err == nil && old != "" {
			text, err = keepUnknown(reflect.TypeOf(r).Elem(), json.RawMessage(old), text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KeyOf(r), err)
	}
	return text, nil
}

// DecodeStored reads what EncodeStored, or Calico, has written under a key. As
// newer Calicos have newer fields, it does not mind those it doesn't know.
// Nothing is defaulted or validated.
func DecodeStored(text []byte, key Key) (Resource, error) {
	r := TypeOf(key.Kind).New()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(r); err != nil {
		return nil, fmt.Errorf("is no %s: %w", key.Kind, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("holds more than one %s", key.Kind)
	}
	if h, ok := r.(interface{ head() *TypeMeta }); ok && h.head().TypeKind != key.Kind {
		return nil, fmt.Errorf("holds a %s, want a %s", h.head().TypeKind, key.Kind)
	}
	if got := r.Meta().Name; got != key.Name {
		return nil, fmt.Errorf("holds %s under the name of %s", KeyOf(r), key)
	}
	setHead(r)
	return r, nil
}

// A member is one field of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// keepUnknown adds to next, a JSON value of type t, the fields that old has and
// t does not know.
func keepUnknown(t reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case readsItself(t):
		return next, nil
	case t.Kind() == reflect.Struct:
		return keepMembers(t, old, next)
	case t.Kind() == reflect.Slice:
		return keepInList(t.Elem(), old, next)
	}
	return next, nil
}

func keepMembers(t reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	had, ok := membersOf(old)
	has, also := membersOf(next)
	if !ok || !also {
		return next, nil
	}
	known := fieldsOf(t)
	for i, m := range has {
		index, ok := known.index[m.name]
		was := slices.IndexFunc(had, func(o member) bool { return o.name == m.name })
		if !ok || was < 0 {
			continue
		}
		kept, err := keepUnknown(t.FieldByIndex(index).Type, had[was].value, m.value)
		if err != nil {
			return nil, err
		}
		has[i].value = kept
	}
	for _, o := range had {
		isNew := !slices.ContainsFunc(has, func(m member) bool { return m.name == o.name })
		if isNew && !known.have(o.name) {
			has = append(has, o)
		}
	}
	return writeMembers(has)
}

// keepInList pairs the entries of two lists: with one that says the same, else,
// if there are as many as before, with the one in its place.
func keepInList(t reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	var had, has []json.RawMessage
	if json.Unmarshal(old, &had) != nil || json.Unmarshal(next, &has) != nil || len(had) == 0 || len(has) == 0 {
		return next, nil
	}
	partner := make([]int, len(has))
	taken := make([]bool, len(had))
	said := make([]string, len(had))
	for j := range had {
		said[j] = asRead(t, had[j])
	}
	for i := range has {
		partner[i] = -1
		says := asRead(t, has[i])
		for j := range had {
			if !taken[j] && said[j] == says {
				partner[i], taken[j] = j, true
				break
			}
		}
	}
	for i := range has {
		j := partner[i]
		if j < 0 {
			if len(had) != len(has) || taken[i] {
				continue
			}
			j = i
		}
		kept, err := keepUnknown(t, had[j], has[i])
		if err != nil {
			return nil, err
		}
		has[i] = kept
	}
	return marshal(has)
}

// asRead is a JSON value without what a type does not know.
func asRead(t reflect.Type, value json.RawMessage) string {
	v := reflect.New(t)
	if json.Unmarshal(value, v.Interface()) != nil {
		return ""
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	return string(text)
}

// membersOf takes a JSON object apart and keeps the order; ok is false for
// anything else.
func membersOf(object json.RawMessage) (members []member, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, false
	}
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName {
			return nil, false
		}
		m := member{name: name}
		if dec.Decode(&m.value) != nil {
			return nil, false
		}
		members = append(members, m)
	}
	return members, true
}

func writeMembers(members []member) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		if err := json.Compact(&b, m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal for what is JSON already, untouched but for blanks.
func marshal(list []json.RawMessage) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, value := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := json.Compact(&b, value); err != nil {
			return nil, err
		}
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}
