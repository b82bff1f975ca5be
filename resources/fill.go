package resources

import (
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A filler puts the generic values of one document into a resource. Unlike
// encoding/json it notes every unknown field and every wrong value, each with
// its full path, and it takes field names at their word: case matters.
type filler struct {
	source *source
	base   string // path of the resource in its document: items[2]
	root   reflect.Type
	secret bool // say no values
	faults Invalid
}

// calicoctl's words for a field it does not know.
const unknownField = "field in document is not recognized or is in the wrong location: "

// fill sets v to x. Path is where x stands in the resource, owner the name of
// the Go struct around it, which calicoctl's messages mention.
func (f *filler) fill(v reflect.Value, x any, path, owner string) {
	if x == nil {
		return // null is as good as nothing, as in encoding/json
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		f.fill(p.Elem(), x, path, owner)
		v.Set(p)
		return
	}
	if leaf, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		f.fillLeaf(leaf, x, path, owner)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		f.fillStruct(v, x, path, owner)
	case reflect.Map:
		f.fillMap(v, x, path, owner)
	case reflect.Slice:
		f.fillSlice(v, x, path, owner)
	case reflect.String:
		if text, ok := f.text(x, v, path, owner); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		b, ok := x.(bool)
		if !ok {
			f.mismatch(x, v, path, owner, "write true or false")
			return
		}
		v.SetBool(b)
	case reflect.Interface:
		v.Set(reflect.ValueOf(x))
	default:
		f.fillNumber(v, x, path, owner)
	}
}

func (f *filler) fillStruct(v reflect.Value, x any, path, owner string) {
	object, ok := x.(map[string]any)
	if !ok {
		f.mismatch(x, v, path, owner, "fields belong here, each on a line: "+strings.Join(fieldsOf(v.Type()).names, ", "))
		return
	}
	fields := fieldsOf(v.Type())
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := joinPath(path, name)
		index, known := fields.index[name]
		switch {
		case known:
			f.fill(v.FieldByIndex(index), object[name], at, v.Type().Name())
		case v.Type() == reflect.TypeFor[Metadata]() && kubernetesOnly[name]:
		default:
			f.add(at, scalarText(object[name]), unknownField+name+f.suggest(fields, name))
		}
	}
}

// kubernetesOnly are fields of metadata which `kubectl get -o yaml` prints and
// which mean nothing outside Kubernetes.
var kubernetesOnly = map[string]bool{
	"managedFields": true, "generation": true, "selfLink": true, "ownerReferences": true,
	"finalizers": true, "generateName": true, "deletionTimestamp": true, "deletionGracePeriodSeconds": true,
}

func (f *filler) fillMap(v reflect.Value, x any, path, owner string) {
	object, ok := x.(map[string]any)
	if !ok {
		f.mismatch(x, v, path, owner, "write pairs, key: value, each on a line")
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		elem := reflect.New(v.Type().Elem()).Elem()
		f.fill(elem, object[key], joinPath(path, key), owner)
		m.SetMapIndex(reflect.ValueOf(key), elem)
	}
	v.Set(m)
}

func (f *filler) fillSlice(v reflect.Value, x any, path, owner string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		f.fillBytes(v, x, path, owner)
		return
	}
	list, ok := x.([]any)
	if !ok {
		f.mismatch(x, v, path, owner, "write a list, each entry on a line that starts with a dash")
		return
	}
	s := reflect.MakeSlice(v.Type(), len(list), len(list))
	for i, entry := range list {
		at := indexPath(path, i)
		if entry == nil {
			f.add(at, "", "the list entry is empty; fill it or remove its dash")
			continue
		}
		f.fill(s.Index(i), entry, at, owner)
	}
	v.Set(s)
}

// fillBytes reads the values of a Secret.
func (f *filler) fillBytes(v reflect.Value, x any, path, owner string) {
	text, ok := f.text(x, v, path, owner)
	if !ok {
		return
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		f.add(path, "", "the value is not base64; to write it as plain text, put it under stringData")
		return
	}
	v.SetBytes(b)
}

func (f *filler) fillNumber(v reflect.Value, x any, path, owner string) {
	var (
		bits   = v.Type().Bits()
		signed = v.CanInt()
		want   = "write a whole number from 0 to " + strconv.FormatUint(1<<bits-1, 10)
	)
	if signed {
		want = "write a whole number"
	}
	n, ok := x.(json.Number)
	if !ok {
		f.mismatch(x, v, path, owner, want)
		return
	}
	if signed {
		i, err := strconv.ParseInt(n.String(), 10, bits)
		if err == nil {
			v.SetInt(i)
			return
		}
	} else if u, err := strconv.ParseUint(n.String(), 10, bits); err == nil {
		v.SetUint(u)
		return
	}
	f.mismatch(x, v, path, owner, want)
}

// fillLeaf hands x to a type that reads its own JSON: ASN, Duration, a time.
func (f *filler) fillLeaf(leaf json.Unmarshaler, x any, path, owner string) {
	if n, ok := x.(json.Number); ok {
		// YAML makes 1.0 the number 1. As an AS number it would be another AS.
		if f.source.mayHaveFraction(n.String()) {
			if text, ok := f.source.textOf(f.inDocument(path)); ok && strings.Contains(text, ".") {
				x = json.Number(text)
			}
		}
		if _, asn := leaf.(*ASN); asn {
			if err := leaf.UnmarshalJSON([]byte(x.(json.Number))); err != nil {
				f.add(path, string(x.(json.Number)), unmarshalWords(n, false, owner, path, "string")+": "+err.Error())
			}
			return
		}
	}
	raw, err := json.Marshal(x)
	if err == nil {
		err = leaf.UnmarshalJSON(raw)
	}
	if err == nil {
		return
	}
	switch text, ok := x.(string); {
	case ok:
		reason := err.Error()
		if _, isTime := leaf.(encoding.TextUnmarshaler); isTime {
			reason = "no time: write it as in 2026-01-31T12:00:00Z"
		}
		f.add(path, text, "error unmarshaling JSON: while decoding JSON: "+reason)
	default:
		f.add(path, scalarText(x), unmarshalWords(x, false, owner, path, "string")+": "+err.Error())
	}
}

// text returns x as a string. Like calicoctl it takes unquoted numbers and
// booleans for text, except where that would change what is written: rack:
// 1.10 must not become rack 1.1.
func (f *filler) text(x any, v reflect.Value, path, owner string) (string, bool) {
	switch x := x.(type) {
	case string:
		return x, true
	case bool, json.Number:
		read := fmt.Sprint(x)
		if f.secret {
			f.add(path, "", "YAML does not read the value as text; write it in quotes")
			return "", false
		}
		written, ok := f.source.textOf(f.inDocument(path))
		if _, number := x.(json.Number); number && (!ok || written != read) {
			f.add(path, cmp.Or(written, read), "YAML reads this as the number "+read+"; write it in quotes")
			return cmp.Or(written, read), true // so that further errors can name the resource
		}
		return read, true
	}
	f.mismatch(x, v, path, owner, "write a single text")
	return "", false
}

// mismatch notes a value of the wrong type, in calicoctl's words and ours.
func (f *filler) mismatch(x any, v reflect.Value, path, owner, want string) {
	f.add(path, scalarText(x), unmarshalWords(x, v.CanInt() || v.CanUint(), owner, path, v.Type().String())+"; "+want)
}

// add notes a fault at a path of the resource.
func (f *filler) add(path, value, reason string) {
	meta := path == "metadata" || strings.HasPrefix(path, "metadata.")
	// Where a password is referred to people write the password itself, and
	// this ends up in logs and in node status.
	if !meta && (f.secret || strings.Contains(strings.ToLower(path), "password")) {
		value = ""
	}
	f.faults = append(f.faults, FieldError{Path: path, Value: value, Reason: reason, Line: f.source.lineOf(f.inDocument(path))})
}

// inDocument turns a path of the resource into one of its document.
func (f *filler) inDocument(path string) string {
	if f.base == "" || path == "" || path[0] == '[' {
		return f.base + path
	}
	return f.base + "." + path
}

// unmarshalWords are encoding/json's, which calicoctl shows its users.
func unmarshalWords(x any, value bool, owner, path, goType string) string {
	what := jsonWord(x)
	if n, ok := x.(json.Number); ok && value {
		what += " " + n.String()
	}
	var plain strings.Builder
	for i, part := range strings.Split(path, "[") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "]")
		}
		plain.WriteString(part)
	}
	return fmt.Sprintf("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go struct field %s.%s of type %s",
		what, owner, plain.String(), goType)
}

func jsonWord(x any) string {
	switch x.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// scalarText is a value as errors show it: nothing for lists and objects.
func scalarText(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case bool, json.Number:
		return fmt.Sprint(x)
	}
	return ""
}
