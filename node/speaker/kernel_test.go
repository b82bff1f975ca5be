package speaker

import (
	"testing"

	"github.com/calctl/calctl/node/policy"
)

// TestKernelRules: what isn't for the kernel isn't told, whenever the rules come,
// and is told when they go.
func TestKernelRules(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64514, v6: true, routes: []string{"10.9.0.0/24", "10.96.1.0/24", "10.97.0.0/16", "fd96:1::/64"}})
	s := speak(t)
	want := bgpWith(f.peer4(64514), f.peer6(64514))
	told := func(service, pool, six string) {
		t.Helper()
		s.awaitRoute("10.9.0.0/24", "10.0.1.2")
		s.awaitRoute("10.96.1.0/24", service)
		s.awaitRoute("10.97.0.0/16", pool)
		s.awaitRoute("fd96:1::/64", six)
	}
	want.Kernel = policy.Kernel{Services: prefixes("10.96.0.0/16")}
	s.apply(want)
	told("", "10.0.1.2", "fd00:1::2")
	want.Kernel = policy.Kernel{Services: prefixes("fd96::/16"), Pools: prefixes("10.97.0.0/16")}
	s.apply(want)
	told("10.0.1.2", "", "")
	since := s.peer(f.addr4()).Since
	want.Kernel = policy.Kernel{}
	s.apply(want)
	told("10.0.1.2", "10.0.1.2", "fd00:1::2")
	want.Kernel = policy.Kernel{Pools: prefixes("10.0.0.0/8 fd00::/8")}
	s.apply(want)
	s.awaitRoute("10.9.0.0/24", "")
	s.awaitRoute("fd96:1::/64", "")
	if !s.peer(f.addr4()).Since.Equal(since) {
		t.Error("the session was reset")
	}
}
