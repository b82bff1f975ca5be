package printers

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/status"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file in testdata, which holds calicoctl's bytes.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var (
	zone  = time.FixedZone("X", 2*60*60)
	now   = time.Date(2026, 8, 2, 0, 30, 0, 0, zone)
	today = time.Date(2026, 8, 2, 0, 11, 12, 0, zone)
)

// peers is the example of calicoctl's tests, and some more trouble.
func peers() []status.Peer {
	addr := netip.MustParseAddr
	return []status.Peer{
		{Name: "n2", Type: status.NodeMesh, Address: addr("172.17.8.102"), Port: 179, ASNumber: 64512, LocalAddress: "172.17.8.101", State: status.StateUp, BGPState: "Established", Since: today.Add(-26 * time.Hour), RoutesIn: 12, RoutesOut: 3},
		{Name: "n3", Type: status.NodeMesh, Address: addr("172.17.8.103"), Port: 179, ASNumber: 64512, LocalAddress: "172.17.8.101", State: status.StateStart, BGPState: "Connect", Since: today, LastError: "Socket: Connection refused"},
		{Name: "rack", Type: status.Global, Address: addr("10.0.0.1"), Port: 1790, ASNumber: 4200000000, State: status.StateUp, BGPState: "Established", Since: today.UTC(), RoutesIn: 1000000, RoutesOut: 1},
		{Name: "far", Type: status.NodePeer, Address: addr("10.0.0.2"), Port: 179, ASNumber: 64513, State: status.StateStart, BGPState: "Active", Since: today, LastError: "Socket: No route to host, this is a rather long message indeed"},
		{Name: "off", Type: status.NodePeer, Address: addr("10.0.0.3"), Port: 179, ASNumber: 64514, State: status.StateDown, BGPState: "Idle"},
		{Name: "gone", Type: status.NodePeer, Address: addr("10.0.0.4"), Port: 179, ASNumber: 64515, State: status.StateStart, BGPState: "Active", Since: today, LastError: `received Cease/Administrative Shutdown: "moving house"`, AttemptError: "connection refused"},
		{Name: "six", Type: status.Global, Address: addr("fd00::1"), Port: 1790, ASNumber: 64515, State: status.StateUp, BGPState: "Established", Since: today},
		{Name: "n4", Type: status.NodeMesh, Address: addr("2001:20::8"), Port: 179, ASNumber: 64512, State: status.StateUp, BGPState: "Established", Since: today.Add(-100 * time.Hour)},
	}
}

func report() status.Report {
	return status.Report{
		Node: "r1", Version: "v0.1.0", PID: 42, Started: now.Add(-5*time.Hour - 7*time.Minute),
		ASNumber: 64512, RouterID: "172.17.8.101",
		Datastore: status.Datastore{Location: "/var/lib/calctl", Updated: today},
		Peers:     peers(),
		Routes:    status.Routes{Wanted: 120, Installed: 117, Stale: 2},
		Problems:  []status.Problem{},
	}
}

func troubled() status.Report {
	r := report()
	r.Peers = nil
	r.Problems = []status.Problem{
		{Subject: "BGPPeer(rack1)", Text: "spec.node: there is no Node(r9); apply one or correct the name"},
		{Subject: "bgppeers/x.yaml", Text: "line 3: unknown field\n\x1b[2Jspec.peer: use spec.peerIP"},
	}
	r.Datastore.Error, r.Datastore.Since = "all 7 resources are gone at once\nopen /var/lib/calctl: permission denied", today.Add(3*time.Minute)
	r.Routes.NotInstalled = 103
	r.Routes.Failed = []status.RouteFailure{
		{Prefix: netip.MustParsePrefix("10.2.0.0/24"), Reason: "the next hop 10.9.9.9 is not reachable"},
		{Prefix: netip.MustParsePrefix("fd00:2::/64"), Reason: "the next hop fd00:9::9 is not reachable"},
	}
	return r
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name, format string
		report       status.Report
	}{
		{"status.txt", "", report()},
		{"status-wide.txt", "wide", report()},
		{"status.json", "json", report()},
		{"status.yaml", "yaml", report()},
		{"status-empty.txt", "table", status.Report{}},
		{"status-empty-wide.txt", "wide", status.Report{}},
		{"status-troubled.txt", "ps", troubled()},
		{"status-troubled-wide.txt", "wide", troubled()},
	} {
		t.Run(test.name, func(t *testing.T) {
			printer, err := StatusByName(test.format)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := printer(&b, test.report, now); err != nil {
				t.Fatal(err)
			}
			golden(t, test.name, b.String())
		})
	}
}

func TestStatusByNameRefuses(t *testing.T) {
	_, err := StatusByName("xml")
	if err == nil || err.Error() != "unrecognized output format 'xml'; there are table, wide, json, yaml" {
		t.Errorf("got %v", err)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m0s", 3*time.Hour + 7*time.Minute: "3h7m",
		24 * time.Hour: "1d0h", 1000*time.Hour + time.Minute: "41d16h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %s, want %s", d, got, want)
		}
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

// A full disk or a closed pipe must not look like success.
func TestStatusWriteError(t *testing.T) {
	for _, format := range []string{"table", "wide", "json", "yaml"} {
		printer, err := StatusByName(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := printer(full{}, report(), now); !errors.Is(err, errFull) {
			t.Errorf("-o %s: got %v", format, err)
		}
	}
}
