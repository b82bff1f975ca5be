package bench

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/calctl/calctl/node/lab"
)

// ownAS is the speaker's, farAS that of its external neighbours.
const ownAS, farAS = 64512, 64513

var dutAddr = netip.MustParseAddr("192.168.1.1")

// A setting is what a speaker is to be.
type setting struct {
	neighbours int  // nth(0), nth(1), …
	abreast    int  // how many of them come up at the same time; 0: all
	reflect    bool // they are clients of a reflector, not external peers
}

// asn is the neighbours' AS.
func (s setting) asn() uint32 {
	if s.reflect {
		return ownAS
	}
	return farAS
}

// nth is the address of the n-th neighbour.
func nth(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 168, byte(16 + n>>8), byte(n)})
}

// A speaker is one of those that are compared.
type speaker struct {
	name string
	// configure prepares it on a host; what it returns starts it.
	configure func(*lab.Host, setting) (start func() []*lab.Process)
}

var speakers = []speaker{{"BIRD 2", configureBird}, {"FRR", configureFRR}, {"calctl", configureCalctl}}

func configureBird(dut *lab.Host, s setting) func() []*lab.Process {
	var conf strings.Builder
	conf.WriteString("router id 192.168.1.1;\nlog stderr { warning, error, fatal, bug };\nprotocol device { }\nprotocol kernel { merge paths on; ipv4 { export all; }; }\n")
	role, export := "", "none"
	if s.reflect {
		role, export = "rr client; rr cluster id 10.0.0.1;", "all"
	}
	for i := range s.neighbours {
		_, _ = fmt.Fprintf(&conf, "protocol bgp p%d { local %v as %d; neighbor %v as %d; passive; %s ipv4 { import all; export %s; }; }\n",
			i, dutAddr, ownAS, nth(i), s.asn(), role, export)
	}
	return func() []*lab.Process { return []*lab.Process{dut.Bird(conf.String()).Process} }
}

func configureFRR(dut *lab.Host, s setting) func() []*lab.Process {
	var conf strings.Builder
	_, _ = fmt.Fprintf(&conf, "route-map none deny 10\nrouter bgp %d\n bgp router-id %v\n no bgp ebgp-requires-policy\n", ownAS, dutAddr)
	role := "route-map none out"
	if s.reflect {
		role = "route-reflector-client"
		conf.WriteString(" bgp cluster-id 10.0.0.1\n")
	}
	for i := range s.neighbours {
		_, _ = fmt.Fprintf(&conf, " neighbor %[1]v remote-as %[2]d\n neighbor %[1]v passive\n", nth(i), s.asn())
	}
	conf.WriteString(" address-family ipv4 unicast\n")
	for i := range s.neighbours {
		_, _ = fmt.Fprintf(&conf, "  neighbor %v %s\n", nth(i), role)
	}
	return func() []*lab.Process {
		frr := dut.FRRWithKernel(conf.String())
		return []*lab.Process{frr.Process, frr.Zebra}
	}
}

func configureCalctl(dut *lab.Host, s setting) func() []*lab.Process {
	var yaml strings.Builder
	cluster := ""
	if s.reflect {
		cluster = ", routeReflectorClusterID: 10.0.0.1"
	}
	_, _ = fmt.Fprintf(&yaml, "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: dut}\nspec: {bgp: {asNumber: %d, ipv4Address: %v/17%s}}\n", ownAS, dutAddr, cluster)
	for i := range s.neighbours {
		_, _ = fmt.Fprintf(&yaml, "---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: p%d}\nspec: {peerIP: %v, asNumber: %d}\n", i, nth(i), s.asn())
	}
	if s.reflect { // only what is in a pool is told
		for i := range 4 {
			_, _ = fmt.Fprintf(&yaml, "---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: pool%d}\nspec: {cidr: %d.0.0.0/8, disabled: true}\n", i, i+1)
		}
	}
	node := dut.Calctl()
	node.Apply(yaml.String())
	return func() []*lab.Process {
		node.Start("--log-level", "error")
		return []*lab.Process{node.Process}
	}
}
