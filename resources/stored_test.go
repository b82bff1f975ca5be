package resources_test

import (
	"strings"
	"testing"

	"github.com/calctl/calctl/resources"
)

// What calicoctl has written, to the byte.
var calicos = map[resources.Key]string{
	{Kind: resources.KindBGPPeer, Name: "p2"}: `{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"p2","uid":"c37d222d-1111-4111-8111-111111111111","creationTimestamp":"2026-11-22T21:07:00Z"},"spec":{"peerIP":"192.0.2.1","asNumber":64512}}`,
	{Kind: resources.KindNode, Name: "n2"}:    `{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"n2","uid":"c37d222d-1111-4111-8111-111111111112","creationTimestamp":"2026-11-22T21:07:00Z","labels":{"rack":"r1"}},"spec":{"bgp":{"asNumber":64600,"ipv4Address":"10.0.0.2/24","ipv6Address":"fd00::2/64","routeReflectorClusterID":"244.0.0.1"}},"status":{}}`,
}

func TestStoredAsCalicoWritesIt(t *testing.T) {
	for key, text := range calicos {
		r, err := resources.DecodeStored([]byte(text), key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		r.Meta().ResourceVersion = "4711" // never in the value
		got, err := resources.EncodeStored(r, nil)
		if err != nil || string(got) != text {
			t.Errorf("%s comes back as\n%s, %v; want\n%s", key, got, err, text)
		}
		if r.Meta().ResourceVersion != "4711" {
			t.Error("EncodeStored takes the version away from its caller")
		}
	}
}

// Every kind, with every field set, survives the way through a stored value.
func TestStoredKeepsEveryField(t *testing.T) {
	for _, typ := range resources.Types() {
		r, text := full(t, typ)
		version := r.Meta().ResourceVersion
		stored, err := resources.EncodeStored(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := resources.DecodeStored(stored, resources.KeyOf(r))
		if err != nil {
			t.Fatalf("%s: %v", typ.Kind, err)
		}
		again.Meta().ResourceVersion = version
		if got := encode(t, again); got != text {
			t.Errorf("%s comes back as\n%s\nwant\n%s", typ.Kind, got, text)
		}
	}
}

func TestStoredKeepsWhatNobodyKnows(t *testing.T) {
	const (
		head = `"kind":"BGPFilter","apiVersion":"projectcalico.org/v3"`
		meta = `"metadata":{"name":"f","labels":{"a":"b"},"generation":7,"finalizers":["x"]}`
	)
	old := `{` + head + `,` + meta + `,"future":[1, 2.50],"spec":{"later":{"b":1,"a":"<&>"},"exportV4":[` +
		`{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"},` +
		`{"action":"Reject","when":"tuesday"}]}}`
	key := resources.Key{Kind: resources.KindBGPFilter, Name: "f"}
	edits := []struct {
		name string
		edit func(*resources.BGPFilter)
		want string // of spec.exportV4
	}{
		{"nothing", func(*resources.BGPFilter) {}, `[{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"},{"action":"Reject","when":"tuesday"}]`},
		{"one field of an entry", func(f *resources.BGPFilter) { f.Spec.ExportV4[0].CIDR = "10.0.0.0/9" },
			`[{"cidr":"10.0.0.0/9","matchOperator":"In","action":"Accept","when":"monday"},{"action":"Reject","when":"tuesday"}]`},
		{"an entry in front", func(f *resources.BGPFilter) {
			f.Spec.ExportV4 = append([]resources.BGPFilterRule{{Action: "Accept", Source: "RemotePeers"}}, f.Spec.ExportV4...)
		}, `[{"source":"RemotePeers","action":"Accept"},{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"},{"action":"Reject","when":"tuesday"}]`},
		{"the first entry removed", func(f *resources.BGPFilter) { f.Spec.ExportV4 = f.Spec.ExportV4[1:] }, `[{"action":"Reject","when":"tuesday"}]`},
		{"entries swapped", func(f *resources.BGPFilter) {
			e := f.Spec.ExportV4
			e[0], e[1] = e[1], e[0]
		}, `[{"action":"Reject","when":"tuesday"},{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","when":"monday"}]`},
	}
	for _, test := range edits {
		r, err := resources.DecodeStored([]byte(old), key)
		if err != nil {
			t.Fatal(err)
		}
		test.edit(r.(*resources.BGPFilter))
		got, err := resources.EncodeStored(r, []byte(old))
		want := `{` + head + `,` + meta + `,"spec":{"exportV4":` + test.want + `,"later":{"b":1,"a":"<&>"}},"future":[1,2.50]}`
		if err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", test.name, got, err, want)
		}
	}
}

// Go's decoder takes peerip for peerIP: it must not stay as a second one.
func TestStoredKeepsNothingTwice(t *testing.T) {
	old := `{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"p"},"spec":{"peerip":"192.0.2.1","asNumber":1}}`
	r, err := resources.DecodeStored([]byte(old), resources.Key{Kind: resources.KindBGPPeer, Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := resources.EncodeStored(r, []byte(old))
	if err != nil || strings.Contains(string(got), "peerip") || !strings.Contains(string(got), `"peerIP":"192.0.2.1"`) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestStoredValuesNobodyCanRead(t *testing.T) {
	key := resources.Key{Kind: resources.KindBGPPeer, Name: "p"}
	for text, want := range map[string]string{
		``:             "is no BGPPeer",
		`{`:            "is no BGPPeer",
		`[]`:           "is no BGPPeer",
		`null`:         "holds a , want a BGPPeer",
		`{} {}`:        "more than one",
		`{"kind":"X"}`: "holds a X",
		`{"kind":"BGPPeer","metadata":{"name":"q"}}`:                            "holds BGPPeer(q) under the name of BGPPeer(p)",
		`{"kind":"BGPPeer","metadata":{"name":"p"},"spec":{"asNumber":"many"}}`: "invalid AS Number format (many)",
	} {
		if _, err := resources.DecodeStored([]byte(text), key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
