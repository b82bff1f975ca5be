package intent_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/calctl/calctl/node/intent"
)

func TestParseEnvironment(t *testing.T) {
	for text, want := range map[string]intent.RouterID{
		"":          {},
		"hash":      {Hash: true},
		"192.0.2.1": {Fixed: netip.MustParseAddr("192.0.2.1")},
	} {
		if got, err := intent.ParseRouterID(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"Hash", "0.0.0.0", "fd00::1", "::ffff:1.2.3.4", "1"} {
		if _, err := intent.ParseRouterID(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	got, err := intent.ParseClusterIPs("10.96.0.1/12, fd96::/108")
	if want := []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd96::/108")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := intent.ParseClusterIPs(""); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"10.96.0.0", "10.96.0.0/12,", "a/8"} {
		if _, err := intent.ParseClusterIPs(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}
