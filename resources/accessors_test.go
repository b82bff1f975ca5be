package resources_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
)

func TestPeerAddr(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "invalid AddrPort false",
		"192.0.2.1":         "192.0.2.1:0 true",
		"192.0.2.1:1790":    "192.0.2.1:1790 true",
		"::ffff:192.0.2.1":  "192.0.2.1:0 true",
		"fd00::1":           "[fd00::1]:0 true",
		"[fd00::1]:179":     "[fd00::1]:179 true",
		"[fe80::1%eth0]:17": "invalid AddrPort false",
	} {
		peer := &resources.BGPPeer{Spec: resources.BGPPeerSpec{PeerIP: text}}
		at, ok := peer.PeerAddr()
		if got := fmt.Sprint(at, " ", ok); got != want {
			t.Errorf("PeerAddr of %q is %s, want %s", text, got, want)
		}
	}
	peer := &resources.BGPPeer{Spec: resources.BGPPeerSpec{ReachableBy: "10.0.0.1"}}
	if via, ok := peer.Gateway(); !ok || via != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("Gateway is %s, %v", via, ok)
	}
}

func TestNodeAccessors(t *testing.T) {
	n := &resources.Node{}
	for name, ok := range map[string]bool{"IPv4": second(n.IPv4()), "IPv6": second(n.IPv6()), "ASNumber": second(n.ASNumber()), "ClusterID": second(n.ClusterID())} {
		if ok {
			t.Errorf("a node without BGP has an %s", name)
		}
	}
	asn := resources.ASN(65546)
	n.Spec.BGP = &resources.NodeBGPSpec{ASNumber: &asn, IPv4Address: "10.0.0.1/24", IPv6Address: "fd00::1", RouteReflectorClusterID: "244.0.0.1"}
	v4, _ := n.IPv4()
	v6, _ := n.IPv6()
	as, _ := n.ASNumber()
	id, _ := n.ClusterID()
	if got, want := fmt.Sprint(v4, " ", v6, " ", as, " ", id), "10.0.0.1/24 fd00::1/128 65546 244.0.0.1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func second[T any](_ T, ok bool) bool { return ok }

func TestConfigurationNames(t *testing.T) {
	for name, want := range map[string]string{"default": "true  false", "node.a.b": "false a.b true", "other": "false  false"} {
		c := &resources.BGPConfiguration{}
		c.Name = name
		node, ok := c.NodeName()
		if got := fmt.Sprint(c.IsDefault(), " ", node, " ", ok); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	pool := &resources.IPPool{Spec: resources.IPPoolSpec{CIDR: "10.0.0.0/8"}}
	if got := pool.Prefix(); got != netip.MustParsePrefix("10.0.0.0/8") {
		t.Errorf("the pool's prefix is %s", got)
	}
	if got := (&resources.IPPool{}).Prefix(); got.IsValid() {
		t.Errorf("a pool without CIDR has the prefix %s", got)
	}
	rule := &resources.BGPFilterRule{CIDR: "fd00::/8"}
	if got, ok := rule.Prefix(); !ok || got != netip.MustParsePrefix("fd00::/8") {
		t.Errorf("the rule's prefix is %s, %v", got, ok)
	}
}

func TestASN(t *testing.T) {
	for in, want := range map[string]string{
		`0`: "0", `4294967295`: "4294967295", `"64512"`: "64512", `"1.10"`: "65546", `"0.1"`: "1", `"65535.65535"`: "4294967295",
		`4294967296`: "error", `-1`: "error", `1.5`: "error", `1e3`: "error", `""`: "error", `"+1"`: "error", `" 1"`: "error",
		`"1.2.3"`: "error", `"1."`: "error", `".1"`: "error", `"65536.0"`: "error", `"0x10"`: "error", `"1_0"`: "error", `[]`: "error", `true`: "error",
	} {
		var n resources.ASN
		got := "error"
		if err := json.Unmarshal([]byte(in), &n); err == nil {
			text, _ := json.Marshal(n)
			got = string(text)
		}
		if got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		`"120s"`: `"2m0s"`, `"0s"`: `"0s"`, `"1m30s"`: `"1m30s"`, `"1.5h"`: `"1h30m0s"`, `"-1s"`: `"-1s"`,
		`"10"`: "error", `10`: "error", `""`: "error", `"1d"`: "error", `{}`: "error",
	} {
		var d resources.Duration
		got := "error"
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			text, _ := json.Marshal(d)
			got = string(text)
		}
		if got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestRedacted(t *testing.T) {
	s := decodeOne(t, secretHead+"type: Opaque\ndata: {a: aHVudGVyMg==}\nstringData: {b: hunter2}\n").(*resources.Secret)
	want := `apiVersion: v1
kind: Secret
metadata:
  name: pw
stringData:
  a: '***'
  b: '***'
type: Opaque
`
	r := s.Redacted()
	if diff := cmp.Diff(want, encode(t, r)); diff != "" {
		t.Errorf("redacted (-want +got):\n%s", diff)
	}
	if v, _ := s.Value("a"); v != "hunter2" {
		t.Errorf("redacting changed the secret to %q", v)
	}
	r.Default()
	if err := r.Validate(); err == nil {
		t.Error("what is printed of a secret can be applied, and would destroy it")
	}
}

func TestPasswordHides(t *testing.T) {
	p := resources.NewPassword("hunter2")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("peer", "password", p, "struct", struct{ P resources.Password }{p})
	text, err := json.Marshal(map[string]any{"p": p})
	if err != nil {
		t.Fatal(err)
	}
	for how, got := range map[string]string{
		"%v": fmt.Sprintf("%v", p), "%+v": fmt.Sprintf("%+v", []resources.Password{p}), "%#v": fmt.Sprintf("%#v", p), "%s": fmt.Sprintf("%s", &p),
		"%q": fmt.Sprintf("%q", p), "%x": fmt.Sprintf("%x", p), "%d": fmt.Sprintf("%d", struct{ P resources.Password }{p}), "JSON": string(text), "log": log.String(),
	} {
		if strings.Contains(got, "hunter2") || strings.Contains(got, "68756e746572") || !strings.Contains(got, "***") {
			t.Errorf("%s shows %s", how, got)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		if got := fmt.Sprintf(verb, struct{ p resources.Password }{p}); strings.Contains(got, "hunter2") {
			t.Errorf("%s of a struct that keeps it to itself shows %s", verb, got)
		}
	}
	if p != resources.NewPassword("hunter"+"2") || p == resources.NewPassword("hunter3") || resources.NewPassword("") != (resources.Password{}) {
		t.Error("passwords don't compare by their text")
	}
	if p.Reveal() != "hunter2" {
		t.Error("Reveal does not")
	}
	if got := fmt.Sprint(resources.Password{}); got != "" {
		t.Errorf("no password reads %q", got)
	}
}

func TestLookup(t *testing.T) {
	for word, want := range map[string]resources.Kind{
		"BGPPeer": "BGPPeer", "bgppeers": "BGPPeer", "bgpp": "BGPPeer", "BPS": "BGPPeer",
		"bgpconfig": "BGPConfiguration", "bf": "BGPFilter", "no": "Node", "pools": "IPPool", "secret": "Secret", "all": "", "": "",
	} {
		if got, _ := resources.Lookup(word); got.Kind != want {
			t.Errorf("Lookup(%q) is %q, want %q", word, got.Kind, want)
		}
	}
}
