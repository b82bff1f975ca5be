package intent_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

var update = flag.Bool("update", false, "rewrite want.yaml and problems.txt in testdata/derive")

// TestDerive runs the examples in testdata/derive; their names are a table of
// contents of what resources mean. An example is a txtar archive: a sentence
// about it, with a line "node: NAME" when the node is not a, resources.yaml,
// services.yaml, host.yaml and environment if they matter, and the answer in want.yaml and problems.txt.
func TestDerive(t *testing.T) {
	files, err := filepath.Glob("testdata/derive/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			example := readExample(t, file)
			bgp, problems := intent.Derive(example.snapshot, example.node, example.host)
			got := map[string]string{"want.yaml": show(t, bgp), "problems.txt": list(problems)}
			if *update {
				example.rewrite(t, file, got)
				return
			}
			for name, text := range got {
				if diff := cmp.Diff(example.section(name), text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			inAnyOrder(t, example, bgp, problems)
		})
	}
}

// inAnyOrder derives again from the same resources in other orders.
func inAnyOrder(t *testing.T, e example, bgp intent.BGP, problems []intent.Problem) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		rng.Shuffle(len(e.documents), func(i, j int) { e.documents[i], e.documents[j] = e.documents[j], e.documents[i] })
		rng.Shuffle(len(e.host.Routes), func(i, j int) { e.host.Routes[i], e.host.Routes[j] = e.host.Routes[j], e.host.Routes[i] })
		rng.Shuffle(len(e.host.Interfaces), func(i, j int) {
			e.host.Interfaces[i], e.host.Interfaces[j] = e.host.Interfaces[j], e.host.Interfaces[i]
		})
		rng.Shuffle(len(e.services), func(i, j int) { e.services[i], e.services[j] = e.services[j], e.services[i] })
		again, found := intent.Derive(snapshot(e.documents, e.services), e.node, e.host)
		if diff := cmp.Diff(bgp, again, compareValues); diff != "" {
			t.Fatalf("another order of the same input gives another answer:\n%s", diff)
		}
		if diff := cmp.Diff(problems, found); diff != "" {
			t.Fatalf("another order of the same input gives other problems:\n%s", diff)
		}
	}
}

// compareValues compares what has no exported parts.
var compareValues = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b resources.Password) bool { return a == b }),
	cmp.Comparer(func(a, b policy.Chain) bool { return a == b }),
}

// An example is one archive, read.
type example struct {
	archive   *txtar.Archive
	node      string
	documents []resources.Resource
	services  []resources.Service
	snapshot  *resources.Snapshot
	host      intent.Host
}

func readExample(t *testing.T, file string) example {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := example{archive: archive, node: "a"}
	for line := range strings.Lines(string(archive.Comment)) {
		if name, ok := strings.CutPrefix(line, "node: "); ok {
			e.node = strings.TrimSpace(name)
		}
	}
	documents, err := resources.Decode(strings.NewReader(e.section("resources.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		// As a store does. Not validated: Derive must stand what it gets.
		d.Resource.Default()
		e.documents = append(e.documents, d.Resource)
	}
	if err := yaml.UnmarshalStrict([]byte(e.section("services.yaml")), &e.services); err != nil {
		t.Fatal(err)
	}
	e.snapshot = snapshot(e.documents, e.services)
	if err := yaml.UnmarshalStrict([]byte(e.section("host.yaml")), &e.host); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(e.section("environment")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		var err error
		switch name {
		case "CALICO_ROUTER_ID":
			e.host.Environment.RouterID, err = intent.ParseRouterID(value)
		case "CALICO_ADVERTISE_CLUSTER_IPS":
			e.host.Environment.ClusterIPs, err = intent.ParseClusterIPs(value)
		default:
			err = fmt.Errorf("no variable of the node: %s", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func snapshot(rs []resources.Resource, services []resources.Service) *resources.Snapshot {
	s := resources.NewSnapshot()
	s.Services = services
	for _, r := range rs {
		s.Put(r)
	}
	return s
}

func (e example) section(name string) string {
	for _, f := range e.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// rewrite puts the answers into the archive, behind the questions.
func (e example) rewrite(t *testing.T, file string, got map[string]string) {
	t.Helper()
	e.archive.Files = slices.DeleteFunc(e.archive.Files, func(f txtar.File) bool { _, ok := got[f.Name]; return ok })
	for _, name := range []string{"want.yaml", "problems.txt"} {
		e.archive.Files = append(e.archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
	}
	if err := os.WriteFile(file, txtar.Format(e.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// show writes a BGP for people.
func show(t *testing.T, b intent.BGP) string {
	t.Helper()
	if !b.Enabled() {
		if diff := cmp.Diff(intent.BGP{}, b, compareValues); diff != "" {
			t.Errorf("not enabled, but not empty:\n%s", diff)
		}
		return "enabled: false\n"
	}
	type peer struct {
		Name            string          `json:"name"`
		Type            string          `json:"type"`
		ASN             uint32          `json:"asn"`
		From            string          `json:"from"`
		Password        string          `json:"password,omitempty"`
		Passive         bool            `json:"passive,omitempty"`
		LocalASN        uint32          `json:"localASN,omitempty"`
		TTLSecurity     uint8           `json:"ttlSecurity,omitempty"`
		Keepalive       string          `json:"keepalive,omitempty"`
		RestartTime     string          `json:"restartTime,omitempty"`
		Import          []policy.Filter `json:"import,omitempty"`
		Export          []policy.Filter `json:"export,omitempty"`
		ClientOf        string          `json:"clientOf,omitempty"`
		NextHop         string          `json:"nextHop,omitempty"`
		AllowedLocalAS  int             `json:"allowedLocalAS,omitempty"`
		MaximumPrefixes uint32          `json:"maximumPrefixes,omitempty"`
	}
	type refused struct {
		Name string `json:"name"`
		Type string `json:"type"`
		ASN  uint32 `json:"asn"`
		Why  string `json:"why"`
	}
	out := struct {
		ASN      uint32              `json:"asn"`
		RouterID netip.Addr          `json:"routerID"`
		Port     uint16              `json:"port"`
		Listen   []netip.Addr        `json:"listen,omitempty"`
		Peers    map[string]peer     `json:"peers,omitempty"`
		Refused  map[string]refused  `json:"refused,omitempty"`
		Local    map[string]string   `json:"local,omitempty"`
		Export   map[string][]string `json:"export,omitempty"`
		Kernel   map[string][]string `json:"kernel,omitempty"`
		Tunnel   bool                `json:"tunnel,omitempty"`

		Priorities policy.Priorities `json:"priorities,omitzero"`
	}{
		ASN: b.ASN, RouterID: b.RouterID, Port: b.Port, Listen: b.Listen,
		Peers: map[string]peer{}, Refused: map[string]refused{}, Local: map[string]string{}, Export: map[string][]string{},
		Kernel: map[string][]string{}, Tunnel: b.Export.Tunnel,
		Priorities: b.Priorities,
	}
	for at, p := range b.Peers {
		from := "kernel's choice"
		if p.LocalAddress.IsValid() {
			from = p.LocalAddress.String()
		}
		// The fixtures' passwords are no secrets, and which one it is matters.
		x := peer{
			Name: p.Name, Type: string(p.Type), ASN: p.ASN, From: from, Password: p.Password.Reveal(), Passive: p.Passive,
			LocalASN: p.LocalASN, TTLSecurity: p.TTLSecurity, Import: p.Import.Filters(), Export: p.Export.Filters(),
			NextHop:        map[intent.NextHopMode]string{intent.NextHopSelf: "Self", intent.NextHopKeep: "Keep"}[p.NextHop],
			AllowedLocalAS: p.AllowedLocalAS, MaximumPrefixes: p.MaximumPrefixes,
		}
		if p.Keepalive != 0 {
			x.Keepalive = p.Keepalive.String()
		}
		switch p.RestartTime {
		case intent.DefaultRestartTime:
		case intent.NoRestart:
			x.RestartTime = "none"
		default:
			x.RestartTime = p.RestartTime.String()
		}
		if p.Cluster.IsValid() {
			x.ClientOf = p.Cluster.String()
		}
		out.Peers[at.String()] = x
	}
	for _, r := range b.Refused {
		if r.Password.IsSet() {
			t.Errorf("the refused session with %s has a password", r.At)
		}
		out.Refused[r.At.String()] = refused{r.Name, string(r.Type), r.ASN, r.Why}
	}
	if len(out.Refused) != len(b.Refused) {
		t.Errorf("an address is refused twice: %v", b.Refused)
	}
	for dst, l := range b.Local {
		text := map[intent.Source]string{intent.Direct: "direct", intent.Kernel: "kernel", intent.Static: "static"}[l.Source]
		if l.Source == intent.Kernel || l.Metric != policy.DefaultPriority {
			text += fmt.Sprintf(" metric %d", l.Metric)
		}
		if l.Gateway.IsValid() {
			text += " via " + l.Gateway.String()
		}
		if l.Interface != "" {
			text += " dev " + l.Interface
		}
		out.Local[dst.String()] = text
	}
	prefixes := func(of map[string][]string, name string, list []netip.Prefix) {
		for _, p := range list {
			of[name] = append(of[name], p.String())
		}
	}
	prefixes(out.Export, "accept", b.Export.Accept)
	prefixes(out.Export, "blocks", b.Export.Blocks)
	prefixes(out.Export, "services", b.Export.Services)
	prefixes(out.Export, "reject", b.Export.Reject)
	prefixes(out.Kernel, "services", b.Kernel.Services)
	prefixes(out.Kernel, "pools", b.Kernel.Pools)
	for _, a := range b.Export.Advertise {
		out.Export["advertise"] = append(out.Export["advertise"], a.CIDR.String()+" "+strings.Join(a.Communities, " "))
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func list(problems []intent.Problem) string {
	var b bytes.Buffer
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s\n", p.Subject(), p.Text)
	}
	return b.String()
}
