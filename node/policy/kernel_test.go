package policy_test

import (
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/policy"
)

func TestInstaller(t *testing.T) {
	i := policy.NewInstaller(policy.Kernel{
		Services: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd96::/64")},
		Pools:    []netip.Prefix{netip.MustParsePrefix("10.0.0.0/9")},
	})
	for prefix, want := range map[string]policy.Step{
		"10.96.0.0/12":   policy.ByService, // in both: the ranges are asked first
		"10.100.1.1/32":  policy.ByService,
		"fd96::1/128":    policy.ByService,
		"10.1.0.0/26":    policy.ByKeptPool,
		"10.0.0.0/8":     policy.ByDefault,
		"192.168.0.0/16": policy.ByDefault,
		"fd97::/64":      policy.ByDefault,
	} {
		installed, by := i.Judge(netip.MustParsePrefix(prefix))
		if by != want || installed != (want == policy.ByDefault) {
			t.Errorf("%s: %v by %q, want %q", prefix, installed, by, want)
		}
	}
}
