package resources_test

import (
	"strings"
	"testing"

	"github.com/calctl/calctl/resources"
)

const (
	unknownMeta   = `"metadata":{"name":"f","generation":7}`
	unknownFilter = `{"kind":"BGPFilter","apiVersion":"projectcalico.org/v3",` + unknownMeta + `,"spec":{` +
		`"exportV4":[{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"},{"action":"Reject"}],` +
		`"importV4":[{"action":"Accept"}],"later":{"a":[1,2.50]}},"future":true}`
)

var unknownKey = resources.Key{Kind: resources.KindBGPFilter, Name: "f"}

func carrying(t *testing.T, stored string) *resources.BGPFilter {
	t.Helper()
	r, err := resources.DecodeStored([]byte(stored), unknownKey)
	if err != nil {
		t.Fatal(err)
	}
	resources.NoteUnknown(r, []byte(stored))
	return r.(*resources.BGPFilter)
}

// Unknown fields leave a datastore in an annotation, pass through a file, and are
// fields again in the next datastore.
func TestUnknownFieldsAreCarried(t *testing.T) {
	f := carrying(t, unknownFilter)
	const want = `{"spec":{"exportV4":[{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"},{"action":"Reject"}],"later":{"a":[1,2.50]}},"future":true}`
	if got := f.Annotations[resources.UnknownFields]; got != want {
		t.Errorf("carried:\n%s\nwant\n%s", got, want)
	}
	r := decodeOne(t, encode(t, f))
	if err := r.Validate(); err != nil {
		t.Errorf("what is carried is not valid: %v", err)
	}
	again, err := resources.EncodeStored(r, nil)
	stored := strings.Replace(unknownFilter, `,"generation":7`, "", 1) // the datastore's own
	if err != nil || string(again) != stored {
		t.Errorf("comes into the next datastore as\n%s, %v, want\n%s", again, err, stored)
	}
	if r.Meta().Annotations[resources.UnknownFields] != want {
		t.Error("EncodeStored takes the annotation away from its caller")
	}
	// A datastore that has them already gets nothing twice.
	if again, err = resources.EncodeStored(f, []byte(unknownFilter)); err != nil || string(again) != unknownFilter {
		t.Errorf("written over itself:\n%s, %v, want\n%s", again, err, unknownFilter)
	}
}

func TestUnknownFieldsOfAnEditedList(t *testing.T) {
	f := carrying(t, unknownFilter)
	f.Spec.ExportV4[0], f.Spec.ExportV4[1] = f.Spec.ExportV4[1], f.Spec.ExportV4[0]
	for what, stored := range map[string][]byte{"new": nil, "over what was": []byte(unknownFilter)} {
		got, err := resources.EncodeStored(f, stored)
		want := `"exportV4":[{"action":"Reject"},{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"}]`
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s:\n%s, %v, want %s", what, got, err, want)
		}
	}
}

func TestNothingUnknown(t *testing.T) {
	f := carrying(t, `{"kind":"BGPFilter","apiVersion":"projectcalico.org/v3",`+unknownMeta+`,"spec":{"exportV4":[{"ACTION":"Accept"}],"importV4":[{"action":"Accept"}]}}`)
	if got, ok := f.Annotations[resources.UnknownFields]; ok {
		t.Errorf("carried: %s", got)
	}
}

func TestUnknownFieldsSomebodyHasEdited(t *testing.T) {
	f := carrying(t, unknownFilter)
	for _, text := range []string{"{", "[]", "nothing"} {
		f.Annotations[resources.UnknownFields] = text
		if err := f.Validate(); err == nil || !strings.Contains(err.Error(), "error with field metadata.annotations[calctl.io/unknown-fields] (what calctl keeps here of fields it does not know is no JSON object any more; put it back, or remove the line)") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
