package policy_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/wire"
)

// TestPriority: LOCAL_PREF carries a metric there and back, with the numbers
// of Calico's nodes.
func TestPriority(t *testing.T) {
	for _, tt := range []struct{ priority, pref uint32 }{
		{0, 2147483647}, {512, 2147483135}, {1024, 2147482623}, {2147483547, 100}, {2147483647, 0},
		{math.MaxUint32, 2147483648}, {2147483648, math.MaxUint32}, // around, as in BIRD
	} {
		if got := policy.LocalPref(tt.priority); got != tt.pref {
			t.Errorf("priority %d is LOCAL_PREF %d, want %d", tt.priority, got, tt.pref)
		}
		if got := policy.Priority(tt.pref); got != tt.priority {
			t.Errorf("LOCAL_PREF %d is priority %d, want %d", tt.pref, got, tt.priority)
		}
	}
	if got := policy.PriorityOf(attrs(t, "")); got != 2147483547 {
		t.Errorf("without LOCAL_PREF the priority is %d", got)
	}
}

// TestPreference: what comes in with a better priority than the normal one of
// its family overrides others, unless a rule has decided on it.
func TestPreference(t *testing.T) {
	chain := policy.NewChain(filter(t, "f", "- {action: Accept, cidr: 10.9.0.0/16, matchOperator: In}"))
	for _, tt := range []struct {
		normal   policy.Priorities
		prefix   string
		priority uint32
		want     uint8
	}{
		{policy.Priorities{}, "10.1.0.0/24", 0, policy.Overriding},
		{policy.Priorities{}, "10.1.0.0/24", 1023, policy.Overriding},
		{policy.Priorities{}, "10.1.0.0/24", 1024, 0},
		{policy.Priorities{}, "10.1.0.0/24", 2147483547, 0},
		{policy.Priorities{}, "10.9.1.0/24", 0, 0},
		{policy.Priorities{IPv4: 512}, "10.1.0.0/24", 512, 0},
		{policy.Priorities{IPv4: 512}, "10.1.0.0/24", 511, policy.Overriding},
		{policy.Priorities{IPv4: 512}, "fd00::/64", 1023, policy.Overriding},
		{policy.Priorities{IPv6: 2000}, "fd00::/64", 1999, policy.Overriding},
		{policy.Priorities{IPv6: 2000}, "10.1.0.0/24", 1999, 0},
	} {
		x := policy.NewImporter(chain, tt.normal, false)
		a, err := (&wire.Fields{LocalPref: policy.LocalPref(tt.priority), HasLocalPref: true}).Build()
		if err != nil {
			t.Fatal(err)
		}
		d := x.Judge(policy.Route{Prefix: netip.MustParsePrefix(tt.prefix), Attrs: a, Remote: true})
		if d.Attrs != a || d.Preference != tt.want {
			t.Errorf("%s of priority %d, normal %v: preference %d, want %d", tt.prefix, tt.priority, tt.normal, d.Preference, tt.want)
		}
	}
}
