package resources_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
)

// decodeOne decodes an input of one resource.
func decodeOne(t *testing.T, text string) resources.Resource {
	t.Helper()
	docs, err := resources.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if len(docs) != 1 {
		t.Fatalf("Decode returned %d resources, want 1", len(docs))
	}
	return docs[0].Resource
}

func encode(t *testing.T, r resources.Resource) string {
	t.Helper()
	var b bytes.Buffer
	if err := resources.Encode(&b, r); err != nil {
		t.Fatalf("Encode: %v", err)
	}
	return b.String()
}

// full returns the sample of a kind in which every field is set.
func full(t *testing.T, typ resources.Type) (resources.Resource, string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/full", strings.ToLower(string(typ.Kind))+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return decodeOne(t, string(text)), string(text)
}

func TestEveryFieldSurvives(t *testing.T) {
	for _, typ := range resources.Types() {
		r, text := full(t, typ)
		if diff := cmp.Diff(text, encode(t, r)); diff != "" {
			t.Errorf("%s changes on its way through (-file +encoded):\n%s", typ.Kind, diff)
		}
		again := decodeOne(t, encode(t, r))
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("%s is another after a second time:\n%s", typ.Kind, diff)
		}
	}
}

// TestSamplesAreFull keeps the samples honest: who adds a field has to add it
// there too.
func TestSamplesAreFull(t *testing.T) {
	fields := map[string]bool{} // every field there is → whether a sample sets it
	for _, typ := range resources.Types() {
		list(reflect.TypeOf(typ.New()).Elem(), fields)
	}
	for _, typ := range resources.Types() {
		r, _ := full(t, typ)
		mark(reflect.ValueOf(r).Elem(), fields)
	}
	for field, set := range fields {
		if !set {
			t.Errorf("testdata/full does not set %s", field)
		}
	}
}

// list notes every field a value of type t can have, as Type.Field.
func list(t reflect.Type, fields map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		list(t.Elem(), fields)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				fields[t.Name()+"."+f.Name] = false
				list(f.Type, fields)
			}
		}
	}
}

// mark notes every field v sets.
func mark(v reflect.Value, fields map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			mark(v.Elem(), fields)
		}
	case reflect.Slice:
		for i := range v.Len() {
			mark(v.Index(i), fields)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				fields[v.Type().Name()+"."+f.Name] = true
				mark(v.Field(i), fields)
			}
		}
	}
}

func TestClone(t *testing.T) {
	for _, typ := range resources.Types() {
		r, text := full(t, typ)
		c := resources.Clone(r)
		if diff := cmp.Diff(r, c); diff != "" {
			t.Errorf("the clone of a %s differs:\n%s", typ.Kind, diff)
		}
		scribble(reflect.ValueOf(c).Elem())
		if diff := cmp.Diff(text, encode(t, r)); diff != "" {
			t.Errorf("changing the clone of a %s changed the original:\n%s", typ.Kind, diff)
		}
	}
}

// scribble overwrites everything v shares by pointer, list or map.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scribble(v.Field(i))
			}
		}
		if v.Type().PkgPath() == "time" {
			v.SetZero()
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		v.Clear()
	default:
		v.SetZero()
	}
}
