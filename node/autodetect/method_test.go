package autodetect

import (
	"errors"
	"net/netip"
	"testing"
)

// machine has interfaces in the order Interfaces gives them.
var machine = []Interface{
	{Name: "vxlan.calico", Addrs: prefixes("10.244.0.0/32")},
	{Name: "docker0", Addrs: prefixes("172.17.0.1/16")},
	{Name: "eth10", Addrs: prefixes("198.51.100.10/24")},
	{Name: "eth1", Addrs: prefixes("fe80::1/64", "10.1.0.1/24", "10.1.0.2/24", "2001:db8:1::1/64")},
	{Name: "eth0", Addrs: prefixes("192.0.2.7/25", "2001:db8::7/64")},
	{Name: "lo", Addrs: prefixes("127.0.0.1/8", "203.0.113.1/32", "::1/128", "2001:db8:ff::1/128")},
}

func prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, t := range texts {
		ps = append(ps, netip.MustParsePrefix(t))
	}
	return ps
}

// lab knows one host of each kind and routes everything by eth0.
var lab = network{
	lookup: func(host string) ([]netip.Addr, error) {
		switch host {
		case "router.example":
			return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}, nil
		case "v4only.example", "192.0.2.1":
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		case "far.example":
			return []netip.Addr{netip.MustParseAddr("203.0.113.99")}, nil
		case "elsewhere.example":
			return []netip.Addr{netip.MustParseAddr("198.51.100.99")}, nil
		}
		return nil, errors.New("no such host")
	},
	source: func(to netip.Addr) (netip.Addr, error) {
		switch to.String() {
		case "2001:db8::1":
			return netip.MustParseAddr("2001:db8::7"), nil
		case "192.0.2.1":
			return netip.MustParseAddr("192.0.2.7"), nil
		case "203.0.113.99":
			return netip.Addr{}, errors.New("network is unreachable")
		}
		return netip.MustParseAddr("198.18.0.1"), nil // on none of the interfaces
	},
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		method string
		family Family
		want   string // an error, if it does not look like a prefix
	}{
		{"", IPv4, "198.51.100.10/24"},
		{"first-found", IPv4, "198.51.100.10/24"},
		{"first-found", IPv6, "2001:db8:1::1/64"},
		{"interface=eth0", IPv4, "192.0.2.7/25"},
		{"interface=eth0", IPv6, "2001:db8::7/64"},
		{"interface=eth1", IPv4, "198.51.100.10/24"}, // not anchored: eth10 matches first
		{"interface=eth1$", IPv4, "10.1.0.1/24"},
		{"interface=nothing, ^eth1$ ,eth0", IPv4, "10.1.0.1/24"}, // the machine's order, not the list's
		{"interface=docker", IPv4, "172.17.0.1/16"},              // nothing is left out
		{"interface=lo$", IPv4, "203.0.113.1/32"},                // but 127.0.0.1 never counts
		{"interface=wl|wan,eth0", IPv4, "192.0.2.7/25"},
		{"interface=wlan", IPv4, "failed to autodetect an IPv4 address: 'interface=wlan' finds none on this machine"},
		{"interface=docker", IPv6, "failed to autodetect an IPv6 address: 'interface=docker' finds none on this machine"},
		{"skip-interface=eth10", IPv4, "10.1.0.1/24"},
		{"skip-interface=eth10,eth1", IPv4, "192.0.2.7/25"},
		{"skip-interface=eth.*", IPv4, "failed to autodetect an IPv4 address: 'skip-interface=eth.*' finds none on this machine"}, // docker0 stays out
		{"cidr=10.1.0.0/16", IPv4, "10.1.0.1/24"},
		{"cidr=10.1.0.2/32,192.0.2.0/24", IPv4, "10.1.0.2/24"},
		{"cidr=203.0.113.0/24 , 2001:db8::/64", IPv4, "203.0.113.1/32"}, // on lo
		{"cidr=203.0.113.0/24 , 2001:db8::/64", IPv6, "2001:db8::7/64"},
		{"cidr=172.16.0.0/12", IPv4, "172.17.0.1/16"}, // on docker0
		{"cidr=192.168.0.0/16", IPv4, "failed to autodetect an IPv4 address: 'cidr=192.168.0.0/16' finds none on this machine"},
		{"can-reach=router.example", IPv4, "192.0.2.7/25"},
		{"can-reach=router.example", IPv6, "2001:db8::7/64"},
		{"can-reach=192.0.2.1", IPv4, "192.0.2.7/25"},
		{"can-reach=v4only.example", IPv6, "address for IP autodetection does not resolve to an IPv6 address: v4only.example"},
		{"can-reach=far.example", IPv4, "failed to autodetect an IPv4 address: no way to reach far.example: network is unreachable"},
		{"can-reach=elsewhere.example", IPv4, "failed to autodetect an IPv4 address: 'can-reach=elsewhere.example' finds none on this machine"},
	} {
		t.Run(test.method+"/"+test.family.String(), func(t *testing.T) {
			m, err := parse(test.method, lab)
			if err != nil {
				t.Fatal(err)
			}
			p, err := m.Find(test.family, machine)
			got := p.String()
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestFindSaysWhenLaterMayHelp(t *testing.T) {
	for method, want := range map[string]bool{
		"interface=wlan":           true,
		"can-reach=far.example":    true,
		"can-reach=v4only.example": false,
	} {
		m, err := parse(method, lab)
		if err != nil {
			t.Fatal(err)
		}
		family := IPv4
		if !want {
			family = IPv6
		}
		if _, err := m.Find(family, machine); errors.Is(err, ErrNotFound) != want {
			t.Errorf("%s: errors.Is(%v, ErrNotFound) is not %v", method, err, want)
		}
	}
}

func TestUsualExcludes(t *testing.T) {
	excluded := []string{
		"docker0", "cbr0", "dummy0", "podman1", "virbr0", "lxcbr0", "veth12ab", "lo", "br-0a1b", "cali123", "tunl0", "flannel.1",
		"kube-ipvs0", "cni0", "vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali", "nodelocaldns",
	}
	for _, name := range excluded {
		if !usualExcludes.MatchString(name) {
			t.Errorf("%s is not left out", name)
		}
	}
	for _, name := range []string{"eth0", "enp3s0", "bond0", "br0", "wlan0", "vxlan1", "wg0", "mylo"} {
		if usualExcludes.MatchString(name) {
			t.Errorf("%s is left out", name)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for method, want := range map[string]string{
		"foo":                             "invalid IP autodetection method: foo",
		"interface":                       "invalid IP autodetection method: interface",
		"First-Found":                     "invalid IP autodetection method: First-Found",
		"interface=*[":                    "invalid interface regex specified for IP autodetection: *[",
		"interface=eth0,*[":               "invalid interface regex specified for IP autodetection: *[",
		"interface=eth0,":                 "invalid interface regex specified for IP autodetection: ",
		"interface=a)(b":                  "invalid interface regex specified for IP autodetection: a)(b",
		"skip-interface=*[":               "invalid interface regex specified for IP autodetection: *[",
		"cidr=10.0.0.0":                   "invalid CIDR specified for IP autodetection: 10.0.0.0",
		"cidr=10.0.0.0/8,x":               "invalid CIDR specified for IP autodetection: x",
		"can-reach=nonexistent.invalid":   "cannot resolve address specified for IP autodetection: nonexistent.invalid",
		"can-reach=":                      "cannot resolve address specified for IP autodetection: ",
		"kubernetes-internal-ip":          "IP autodetection method kubernetes-internal-ip needs the Kubernetes datastore; use first-found, interface=, skip-interface=, cidr= or can-reach=",
		"kubernetes-internal-ip=whatever": "invalid IP autodetection method: kubernetes-internal-ip=whatever",
	} {
		_, err := parse(method, lab)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", method, err, want)
		}
	}
}

func TestMethodString(t *testing.T) {
	for in, want := range map[string]string{"": "first-found", "interface=eth0": "interface=eth0"} {
		m, err := parse(in, lab)
		if err != nil {
			t.Fatal(err)
		}
		if m.String() != want {
			t.Errorf("%q is written %q", in, m)
		}
	}
}

func TestExplicitMask(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7":    "192.0.2.7/25",
		"10.1.0.2":     "10.1.0.2/24",
		"2001:db8::7":  "2001:db8::7/64",
		"192.0.2.8":    "192.0.2.8/32", // in a network we have, but not ours
		"2001:db8::99": "2001:db8::99/128",
	} {
		if got := ExplicitMask(netip.MustParseAddr(addr), machine).String(); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
