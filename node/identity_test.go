package node

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/autodetect"
)

// What can't be the address of a router is refused when it is given, not when
// no session comes up.
func TestUnusableAddresses(t *testing.T) {
	const v4, v6 = autodetect.IPv4, autodetect.IPv6
	for _, test := range []struct {
		text   string
		family autodetect.Family
		want   string // what the address is, empty when it is good
	}{
		{"127.0.0.1", v4, "a loopback address"},
		{"127.1.2.3/8", v4, "a loopback address"},
		{"::1", v6, "a loopback address"},
		{"0.0.0.0", v4, "the unspecified address"},
		{"::", v6, "the unspecified address"},
		{"224.0.0.5", v4, "a multicast address"},
		{"ff02::5/64", v6, "a multicast address"},
		{"fe80::1", v6, "a link-local address"},
		{"fe80::1/64", v6, "a link-local address"},
		{"169.254.10.2/30", v4, ""},
		{"255.255.255.255", v4, "the broadcast address"},
		{"::ffff:10.0.0.1", v6, "an IPv4 address written as IPv6"},
		{"10.90.0.0/24", v4, "the address of the network itself"},
		{"10.90.0.255/24", v4, "the broadcast address of its network"},
		{"10.90.0.0", v4, ""},
		{"10.90.0.0/16", v4, "the address of the network itself"},
		{"10.90.1.0/16", v4, ""},
		{"10.90.0.254/24", v4, ""},
		{"10.90.0.0/31", v4, ""},
		{"10.90.0.1/31", v4, ""},
		{"10.90.0.0/32", v4, ""},
		{"fd00::/64", v6, "the address of the network itself"},
		{"fd00::ffff:ffff:ffff:ffff/64", v6, ""}, // IPv6 has no broadcast
		{"fd00::/127", v6, ""},
		{"fd00::/128", v6, ""},
	} {
		want := ""
		if test.want != "" {
			want = test.text + " is " + test.want + ": give an address of this machine that other nodes reach, autodetect or none"
		}
		got := ""
		if _, err := ParseAddress(test.text, test.family, ""); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", test.text, got, want)
		}
	}
}

func TestAbsentAddresses(t *testing.T) {
	machine := []autodetect.Interface{{Name: "eth0", Addrs: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.9/24"), netip.MustParsePrefix("2001:db8::9/64"),
	}}}
	for _, test := range []struct {
		v4, v6 string
		want   []netip.Addr
	}{
		{"192.0.2.9", "2001:db8::9/64", nil},
		{"192.0.2.9/25", "", nil}, // the length is another matter
		{"autodetect", "none", nil},
		{"", "", nil},
		{"99.9.9.9", "2001:db8::1/64", []netip.Addr{netip.MustParseAddr("99.9.9.9"), netip.MustParseAddr("2001:db8::1")}},
	} {
		var id Identity
		var err error
		if id.IPv4, err = ParseAddress(test.v4, autodetect.IPv4, ""); err != nil {
			t.Fatal(err)
		}
		if id.IPv6, err = ParseAddress(test.v6, autodetect.IPv6, ""); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, id.Absent(machine), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%q, %q (-want +got):\n%s", test.v4, test.v6, diff)
		}
	}
}
