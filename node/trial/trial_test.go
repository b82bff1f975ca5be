package trial_test

import (
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/trial"
	"github.com/calctl/calctl/resources"
)

// TestServiceIsNamed: where no range has it, it is the Service that an address is told
// for.
func TestServiceIsNamed(t *testing.T) {
	snap := resources.NewSnapshot()
	snap.Put(&resources.Node{Metadata: resources.Metadata{Name: "a"}, Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{IPv4Address: "10.0.0.1"}}})
	snap.Put(&resources.Node{Metadata: resources.Metadata{Name: "b"}, Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{IPv4Address: "10.0.0.2"}}})
	address := netip.MustParseAddr
	snap.Services = []resources.Service{{
		Namespace: "shop", Name: "web", ClusterIPs: []netip.Addr{address("10.99.1.1")}, ExternalTrafficPolicy: "Local",
		IPv4: resources.Endpoints{Any: true, Nodes: []string{"a"}},
	}}
	ranges, err := intent.ParseClusterIPs("10.96.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	trials, err := trial.New(snap, "a", intent.Environment{ClusterIPs: ranges})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]string{
		"10.99.1.1/32": "accept by Service(shop/web) spec.clusterIPs",
		"10.99.1.2/32": "reject by default",
		"10.96.0.1/32": "accept by environment variable CALICO_ADVERTISE_CLUSTER_IPS",
	} {
		answer, err := trials.Ask(trial.Question{Prefix: prefix, Peer: "10.0.0.2", Source: "static"})
		if got := answer.Action + " by " + answer.Rule; err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", prefix, got, err, want)
		}
	}
}
