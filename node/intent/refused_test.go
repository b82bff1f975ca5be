package intent_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/status"
)

func TestWithRefused(t *testing.T) {
	since := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	up := func(addr string, port uint16) status.Peer {
		return status.Peer{Name: "up", Type: status.NodeMesh, Address: netip.MustParseAddr(addr), Port: port, State: status.StateUp}
	}
	refused := func(at string) intent.Refused {
		return intent.Refused{
			At:   netip.MustParseAddrPort(at),
			Peer: intent.Peer{Name: "tor", Type: status.Global, ASN: 65000, LocalAddress: netip.MustParseAddr("10.0.0.1")},
			Why:  "no such secret",
		}
	}
	down := func(at string) status.Peer {
		a := netip.MustParseAddrPort(at)
		return status.Peer{
			Name: "tor", Type: status.Global, Address: a.Addr(), Port: a.Port(), ASNumber: 65000, LocalAddress: "10.0.0.1",
			State: status.StateDown, BGPState: "Idle", Since: since, LastError: "no such secret",
		}
	}
	for _, test := range []struct {
		name    string
		peers   []status.Peer
		refused []intent.Refused
		want    []status.Peer
	}{
		{"nothing", nil, nil, nil},
		{"none refused", []status.Peer{up("10.0.0.2", 179)}, nil, []status.Peer{up("10.0.0.2", 179)}},
		{"none but refused", nil, []intent.Refused{refused("10.0.0.2:179")}, []status.Peer{down("10.0.0.2:179")}},
		{
			"among others", []status.Peer{up("10.0.0.2", 179), up("10.0.0.4", 179)},
			[]intent.Refused{refused("10.0.0.3:179"), refused("10.0.0.4:1790"), refused("[2001:db8::1]:179")},
			[]status.Peer{up("10.0.0.2", 179), down("10.0.0.3:179"), up("10.0.0.4", 179), down("10.0.0.4:1790"), down("[2001:db8::1]:179")},
		},
		{"still running", []status.Peer{up("10.0.0.2", 179)}, []intent.Refused{refused("10.0.0.2:179")}, []status.Peer{up("10.0.0.2", 179)}},
	} {
		if diff := cmp.Diff(test.want, intent.WithRefused(test.peers, test.refused, since), compareValues); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
