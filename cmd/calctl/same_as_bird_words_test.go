package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// documents is what r1 is told, in YAML.
func (p *place) documents() string {
	return aNode("r1", p.labels, 5, p.node) + p.resources
}

// doc is a document.
func doc(kind, metadata, spec string) string {
	return fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: %s\nmetadata: {name: %s}\nspec: {%s}\n", kind, metadata, spec)
}

// twice is a document for IPv4, and another for IPv6.
func twice(kind, name, spec string) string {
	return doc(kind, name, spec) + doc(kind, name+"-six", inSix(spec))
}

// both are entries of a list for IPv4, and the same for IPv6.
func both(entries string) string { return "[" + entries + ", " + inSix(entries) + "]" }

// aNode is a Node at 192.168.1.host.
func aNode(name, labels string, host int, more string) string {
	if labels != "" {
		name += ", labels: {" + labels + "}"
	}
	return doc("Node", name, fmt.Sprintf("bgp: {ipv4Address: 192.168.1.%[1]d/24, ipv6Address: 'fd01::%[1]d/64', %[2]s}", host, more))
}

// aPeer is a BGPPeer for 192.168.1.host.
func aPeer(host, asn int, more string) string {
	return twice("BGPPeer", fmt.Sprintf("n%d", host), fmt.Sprintf("peerIP: '192.168.1.%d', asNumber: %d, %s", host, asn, more))
}

func aPool(name, cidr, more string) string {
	return twice("IPPool", name, "cidr: '"+cidr+"', "+more)
}

// aBlock is a BlockAffinity: the node has the addresses.
func aBlock(node, cidr string) string {
	return twice("BlockAffinity", node+"-"+strings.NewReplacer(".", "-", "/", "-").Replace(cidr), "node: "+node+", cidr: '"+cidr+"'")
}

// tens is an IPPool for 10.0.0.0/8, in which all networks of the places are.
var tens = aPool("tens", "10.0.0.0/8", "")

// aFilter is a BGPFilter with lists for IPv4 and the same for IPv6.
func aFilter(name, lists string) string { return doc("BGPFilter", name, lists+", "+inSix(lists)) }

func aConfig(spec string) string { return doc("BGPConfiguration", "default", spec) }

const aSecret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: bgp}\nstringData: {tor: s3cret}\n"

var (
	fourAddress = regexp.MustCompile(`(_id = )?\b(\d+)\.(\d+)\.(\d+)\.(\d+)(/\d+|:\d+)?`)
	fourLength  = regexp.MustCompile(`\b(min|max): (\d+)`)
)

// inSix is a text for IPv4 in terms of IPv6: 192.168.1.2 is fd01::2, 10.2.3.0/24 is
// fd10:2:3::/48; a length is twice as long, but a single address stays one. Router and
// cluster ids (244.…) stay as they are.
func inSix(text string) string {
	text = fourAddress.ReplaceAllStringFunc(text, func(s string) string {
		m := fourAddress.FindStringSubmatch(s)
		if m[1] != "" || m[2] == "244" {
			return s
		}
		m = m[1:]
		six, link := fmt.Sprintf("fd%02s:%s:%s:%s::", m[1], m[2], m[3], m[4]), m[1] == "192"
		switch {
		case link:
			six = fmt.Sprintf("fd0%s::%s", m[3], m[4])
		case m[1] == "0":
			six = "::"
		}
		length, isPrefix := strings.CutPrefix(m[5], "/")
		switch {
		case isPrefix && length == "32":
			six += "/128"
		case isPrefix && link:
			six += "/64"
		case isPrefix:
			six += "/" + double(length)
			six = netip.MustParsePrefix(six).String()
		case m[5] != "":
			six = "[" + six + "]" + m[5]
		default:
			six = netip.MustParseAddr(six).String()
		}
		return six
	})
	text = fourLength.ReplaceAllStringFunc(text, func(s string) string {
		m := fourLength.FindStringSubmatch(s)
		return m[1] + ": " + double(m[2])
	})
	return strings.NewReplacer("importV4", "importV6", "exportV4", "exportV6").Replace(text)
}

func double(length string) string {
	n, _ := strconv.Atoi(length)
	return strconv.Itoa(2 * n)
}

func TestInSix(t *testing.T) {
	for four, six := range map[string]string{
		"route 10.2.0.0/24 via 192.168.1.77 metric 5": "route fd10:2::/48 via fd01::77 metric 5",
		"192.168.1.5/24 192.168.1.9/32":               "fd01::5/64 fd01::9/128",
		"exportV4: [{cidr: '10.2.3.4/32', min: 26}]":  "exportV6: [{cidr: 'fd10:2:3:4::/128', min: 52}]",
		"'192.168.1.2:1790' 0.0.0.0/0 10.0.0.0/8":     "'[fd01::2]:1790' ::/0 fd10::/16",
		"10.1.0.1/24, 99.0.0.7, 64512:1:2, (1, 2, 3)": "fd10:1:0:1::/48, fd99:0:0:7::, 64512:1:2, (1, 2, 3)",
		"bgp_originator_id = 192.168.1.5; 244.0.0.1":  "bgp_originator_id = 192.168.1.5; 244.0.0.1",
	} {
		if got := inSix(four); got != six {
			t.Errorf("%s: %s, want %s", four, got, six)
		}
	}
}
