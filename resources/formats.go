package resources

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"

	"github.com/calctl/calctl/resources/selector"
)

// A format is what a text is to be.
type format struct {
	// fault says what is wrong with a text and how to mend it, or nothing. Field is the
	// name of its field in calicoctl's words. It is nil where Validate has to know more.
	fault func(field, text string) string
	// pattern says it all, unless it is nil.
	pattern *regexp.Regexp
}

// formats are those a field's tag may name.
var formats = map[string]format{
	"as":        {fault: asFault},
	"clusterID": {fault: clusterFault},
	"community": {fault: func(_, text string) string { return communityFault(text) }},
	"dataKey":   {dataKeyFault, dataKey},
	"gateway":   {fault: gatewayFault},
	"host":      {fault: func(_, text string) string { return hostFault(text, 0) }},
	"host4":     {fault: func(_, text string) string { return hostFault(text, 32) }},
	"host6":     {fault: func(_, text string) string { return hostFault(text, 128) }},
	"interface": {interfaceFault, interfacePattern},
	"ipv4":      {fault: func(_, text string) string { return addressFault(text, 32) }},
	"ipv6":      {fault: func(_, text string) string { return addressFault(text, 128) }},
	"mac":       {fault: macFault},
	"name":      {func(_, text string) string { return nameFault(text) }, nameRule},
	"node":      {nodeFault, nameRule},
	"peer":      {fault: peerFault},
	"prefix":    {fault: func(_, text string) string { _, mend := parsePrefix(text); return mend }},
	"selector":  {fault: selectorFault},

	"communityOrName": {}, // there has to be a community of this name
	"filterPrefix":    {}, // the family is that of the list
	"poolPrefix":      {}, // link-local addresses and masks have words of their own
}

// asFault refuses AS 0, which nobody may use (RFC 7607).
func asFault(_, text string) string {
	if text == "0" {
		return "AS 0 is reserved (RFC 7607); write the real AS number or leave the field out"
	}
	return ""
}

func clusterFault(field, text string) string {
	if addr, err := netip.ParseAddr(text); err != nil || !addr.Is4() {
		return tagged(field, "ipv4", "write it like an IPv4 address, such as 244.0.0.1")
	}
	return ""
}

// dataKey matches the keys of a Secret, as Kubernetes has them.
var dataKey = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)

func dataKeyFault(_, text string) string {
	if !dataKey.MatchString(text) {
		return "the keys of a Secret are letters, digits and - . _"
	}
	return ""
}

func gatewayFault(_, text string) string {
	if via, err := netip.ParseAddr(text); err != nil || via.Zone() != "" || !isHost(via) {
		return "write the address of the gateway that leads to peerIP, without a length"
	}
	return ""
}

var interfacePattern = regexp.MustCompile(`^[a-zA-Z0-9_.*-]{1,15}$`)

// interfaceFault is about the name of a network interface, which may hold *.
func interfaceFault(_, text string) string {
	if !interfacePattern.MatchString(text) {
		return "write 1 to 15 letters, digits and _ . - with * for any number of characters"
	}
	return ""
}

// macFault is about the hardware address of an Ethernet interface.
func macFault(_, text string) string {
	if hw, err := net.ParseMAC(text); err != nil || len(hw) != 6 {
		return "write six bytes, such as 66:2d:bf:4a:6c:01"
	}
	return ""
}

func nodeFault(field, text string) string {
	if fault := nameFault(text); fault != "" {
		return tagged(field, "name", fault)
	}
	return ""
}

func peerFault(field, text string) string {
	switch at, err := parsePeer(text); {
	case err != nil:
		return tagged(field, "IP:port", "write an address, 192.0.2.1:1790 or [fd00::1]:1790")
	case !isHost(at.Addr()):
		return "no router can have this address"
	}
	return ""
}

// MaxSelector is the longest selector, as of Calico v3.32; later ones have less room.
const MaxSelector = 4096

func selectorFault(field, text string) string {
	if len(text) > MaxSelector {
		return tagged(field, "selector", fmt.Sprintf("it has %d characters, at most %d are allowed", len(text), MaxSelector))
	}
	if _, err := selector.Parse(text); err != nil {
		return tagged(field, "selector", err.Error())
	}
	return ""
}
