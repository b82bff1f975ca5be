package crd

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/calctl/calctl/resources"
)

// longest is how many characters a text of a format has at most.
var longest = map[string]int64{
	"community":       40,
	"communityOrName": 253,
	"dataKey":         253,
	"filterPrefix":    43,
	"gateway":         45,
	"interface":       15,
	"ipv4":            15,
	"ipv6":            45,
	"name":            253,
	"node":            253,
	"peer":            64,
	"poolPrefix":      43,
	"prefix":          43,
	"selector":        resources.MaxSelector,
}

const (
	masked    = "cidr(self) == cidr(self).masked()"
	isPrefix  = "isCIDR(self) && " + masked
	multicast = "['224.0.0.0/4', 'ff00::/8'].exists(m, cidr(m).containsIP(ip(%[1]s)))"
	isHost    = "isIP(%[1]s) && !ip(%[1]s).isUnspecified() && !" + multicast
	linkLocal = "['169.254.0.0/16', 'fe80::/10'].exists(l, cidr(l).containsIP(cidr(self).ip()) || cidr(self).containsIP(cidr(l).ip()))"
	// The address in v4:port, [v6]:port or one without a port.
	peerAddress = "self.startsWith('[') && self.contains(']') ? self.substring(1, self.indexOf(']')) : self.matches('^[0-9.]+:') ? self.split(':')[0] : self"
	peerPort    = "self.matches('^([0-9.]+|[[].*[]]):[0-9]{1,5}$') ? int(self.substring(self.lastIndexOf(':') + 1)) : isIP(self) ? 1 : 0"
)

// community matches standard and large communities. As a rule it would cost too much.
var community = fmt.Sprintf("^(%[1]s:%[1]s|%[2]s:%[2]s:%[2]s)$", upTo("65535"), upTo("4294967295"))

// upTo is a regular expression of the decimal numbers up to one.
func upTo(most string) string {
	parts := []string{fmt.Sprintf("[0-9]{1,%d}", len(most)-1), most}
	for i, digit := range most {
		if digit == '0' {
			continue
		}
		part := most[:i] + "[0-" + string(digit-1) + "]"
		if rest := len(most) - i - 1; rest > 0 {
			part += fmt.Sprintf("[0-9]{%d}", rest)
		}
		parts = append(parts, part)
	}
	return "0*(" + strings.Join(parts, "|") + ")"
}

// formatRules are what a text of a format has to be, as far as no pattern says it.
// The syntax of selectors is beyond CEL, and whether there is a community of a name
// costs more than the server allows.
func formatRules(l resources.Limits) []rule {
	var rules []rule
	switch l.Format {
	case "gateway":
		rules = []rule{{fmt.Sprintf(isHost, "self"), "write the address of the gateway that leads to peerIP, without a length"}}
	case "ipv4":
		rules = []rule{{"isIP(self) && ip(self).family() == 4", "write an IPv4 address such as 192.0.2.1, without a length"}}
	case "ipv6":
		rules = []rule{{"isIP(self) && ip(self).family() == 6", "write an IPv6 address such as fd00::1, without a length"}}
	case "peer":
		rules = []rule{
			{"[" + peerPort + "].all(p, p > 0 && p < 65536) && [" + peerAddress + "].all(a, isIP(a))", "write an address, 192.0.2.1:1790 or [fd00::1]:1790"},
			{"[" + peerAddress + "].all(a, !isIP(a) || " + fmt.Sprintf(isHost, "a") + ")", "no router can have this address"},
		}
	case "poolPrefix":
		rules = []rule{
			{"isCIDR(self)", "IPPool CIDR must be a valid subnet; write an address and a length, such as 10.0.0.0/16 or fd00::/64"},
			{"!isCIDR(self) || " + masked, "IPPool CIDR is not strictly masked; no bit of the address may be set beyond the length"},
			{"!isCIDR(self) || !" + linkLocal, "IPPool CIDR overlaps with the link local ranges 169.254.0.0/16 and fe80::/10"},
			{"self == oldSelf", "IPPool CIDR cannot be modified; create another pool instead"},
		}
	case "prefix":
		rules = []rule{{isPrefix, "write an address and a length, such as 10.0.0.0/24 or fd00::/64; no bit of the address may be set beyond the length"}}
	}
	if !l.Required {
		for i := range rules {
			rules[i].Rule = "self == '' || " + rules[i].Rule
		}
	}
	return rules
}

func durationRules(l resources.Limits) []rule {
	if l.High == 0 {
		return nil
	}
	low, high := time.Duration(l.Low).Seconds(), time.Duration(l.High).Seconds()
	return []rule{{fmt.Sprintf("duration(self) >= duration('%.0fs') && duration(self) <= duration('%.0fs')", low, high),
		fmt.Sprintf("write a duration from %.0fs to %.0fs", low, high)}}
}

// entryRules are what holds for the entries of one list only.
func entryRules(t reflect.Type, name string) []rule {
	switch {
	case name == "ignoredInterfaces":
		return []rule{{"self != '*'", "this would ignore every interface; name those to ignore"}}
	case t == reflect.TypeFor[resources.BGPFilterSpec]():
		family, bits := 4, 32
		if strings.HasSuffix(name, "V6") {
			family, bits = 6, 128
		}
		return []rule{
			{fmt.Sprintf("!has(self.cidr) || self.cidr == '' || isCIDR(self.cidr) && cidr(self.cidr).ip().family() == %d && cidr(self.cidr) == cidr(self.cidr).masked()", family),
				fmt.Sprintf("cidr is no IPv%d prefix, or has bits set beyond its length", family)},
			{fmt.Sprintf("!has(self.prefixLength) || [self.prefixLength.?min.orValue(0), self.prefixLength.?max.orValue(0)].all(n, n >= 0 && n <= %d)", bits),
				fmt.Sprintf("prefixLength is a number from 0 to %d", bits)},
		}
	}
	return nil
}

// rulesOf are what the fields of a type have to do with one another, in the words of
// its Validate.
func rulesOf(t reflect.Type) []rule {
	switch t {
	case reflect.TypeFor[resources.BGPConfiguration]():
		return ofDefaultOnly()
	case reflect.TypeFor[resources.BGPConfigurationSpec]():
		return []rule{
			{"self.?nodeToNodeMeshEnabled.orValue(true) || !has(self.nodeMeshPassword)", "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false"},
			{"self.?nodeToNodeMeshEnabled.orValue(true) || !has(self.nodeMeshMaxRestartTime)", "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false"},
			{empty("communities") + " || !" + empty("prefixAdvertisements"), "communities are defined but not used in prefixAdvertisements"},
		}
	case reflect.TypeFor[resources.BGPPeerSpec]():
		return []rule{
			{unset("node") + " || " + unset("nodeSelector"), "node and nodeSelector cannot both be set"},
			{unset("peerIP") + " || " + unset("peerSelector"), "peerIP and peerSelector cannot both be set"},
			{unset("peerSelector") + " || self.?asNumber.orValue(0) == 0", "asNumber must be empty when peerSelector is set"},
			{unset("localWorkloadSelector") + " || self.?asNumber.orValue(0) != 0", "asNumber is required when localWorkloadSelector is set"},
			{unset("localWorkloadSelector") + " || " + unset("peerIP"), "peerIP must be empty when localWorkloadSelector is set"},
			{unset("localWorkloadSelector") + " || " + unset("peerSelector"), "peerSelector must be empty when localWorkloadSelector is set"},
			{"!(" + unset("localWorkloadSelector") + " && " + unset("peerIP") + " && " + unset("peerSelector") + ")", "there is nobody to peer with; set peerIP and asNumber, or peerSelector"},
			{unset("peerIP") + " || !" + unset("peerSelector") + " || self.?asNumber.orValue(0) != 0", "asNumber is required when peerIP is set; write the AS number of the router"},
			{unset("reachableBy") + " || !" + unset("peerIP"), "peerIP is required when reachableBy is set"},
			{unset("reachableBy") + " || " + unset("peerIP") + " || !isIP(self.reachableBy) || (ip(self.reachableBy).family() == 4) == self.peerIP.matches('^[0-9.]+(:[0-9]+)?$')",
				"ReachableBy and PeerIP address family mismatched"},
			{"!self.?keepOriginalNextHop.orValue(false) || !has(self.nextHopMode)", "keepOriginalNextHop and nextHopMode cannot both be set; keepOriginalNextHop is deprecated, use nextHopMode instead"},
		}
	case reflect.TypeFor[resources.BGPFilterRule]():
		return []rule{
			{unset("cidr") + " == " + unset("matchOperator"), "cidr and matchOperator must both be set or both be empty"},
			{"!has(self.prefixLength) || !" + unset("cidr"), "cidr is required when prefixLength is set"},
			{"!has(self.prefixLength) || self.prefixLength.?min.orValue(0) <= self.prefixLength.?max.orValue(128)", "prefixLength has a min greater than its max; no route can match"},
			{"!has(self.prefixLength) || !has(self.prefixLength.max) || !has(self.cidr) || !isCIDR(self.cidr) || self.prefixLength.max >= cidr(self.cidr).prefixLength()",
				"prefixLength has a max less than the length of cidr; no prefix inside cidr is that short"},
			{"self.action != 'Reject' || " + empty("operations"), "operations may only be used with action Accept"},
		}
	case reflect.TypeFor[resources.BGPFilterOperation]():
		return []rule{{"[has(self.addCommunity), has(self.prependASPath), has(self.setPriority)].filter(set, set).size() == 1",
			"write exactly one of addCommunity, prependASPath and setPriority"}}
	case reflect.TypeFor[resources.IPPoolSpec]():
		return poolRules()
	}
	return nil
}

// ofDefaultOnly are rules for what only the cluster's configuration may say.
func ofDefaultOnly() []rule {
	var rules []rule
	for _, name := range []string{"asNumber", "nodeToNodeMeshEnabled", "nodeMeshPassword", "nodeMeshMaxRestartTime", "serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs"} {
		absent := "!has(self.spec." + name + ")"
		if strings.HasPrefix(name, "service") {
			absent = "self.spec.?" + name + ".orValue([]).size() == 0"
		}
		rules = append(rules, rule{"self.metadata.name == 'default' || " + absent, "Cannot set " + name + " on a non default BGP Configuration. Move it to the one named default"})
	}
	return rules
}

func poolRules() []rule {
	const (
		balancer  = "!has(self.allowedUses) || !('LoadBalancer' in self.allowedUses) || "
		blockSize = "(self.?blockSize.orValue(0) == 0 ? (self.cidr.contains(':') ? 122 : 26) : self.blockSize)"
	)
	on := func(field string) string { return "self.?" + field + ".orValue('') in ['Always', 'CrossSubnet']" }
	return []rule{
		{"!(" + on("ipipMode") + " && " + on("vxlanMode") + ")", "ipipMode and vxlanMode cannot both be enabled"},
		{"!(" + on("ipipMode") + " && self.cidr.contains(':'))", "IPIP is not supported on IPv6 pools"},
		{"self.?blockSize.orValue(0) == 0 || (self.cidr.contains(':') ? self.blockSize >= 116 && self.blockSize <= 128 : self.blockSize >= 20 && self.blockSize <= 32)",
			"blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools"},
		{"self.?disabled.orValue(false) || !isCIDR(self.cidr) || " + blockSize + " >= cidr(self.cidr).prefixLength()",
			"IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size. Set blockSize, or disabled: true for a pool that is only routed"},
		{blockSize + " == " + strings.ReplaceAll(blockSize, "self.", "oldSelf."), "IPPool BlockSize cannot be modified"},
		{"!has(self.nodeSelector) || !self.nodeSelector.contains('global(')", "global() selects no node; use all()"},
		{unset("namespaceSelector") + " || has(self.allowedUses) && self.allowedUses.size() > 0 && !('Tunnel' in self.allowedUses)",
			"namespaceSelector cannot be used with allowedUses Tunnel; write allowedUses: [Workload]"},
		{balancer + "self.allowedUses.size() == 1", "allowedUses LoadBalancer cannot be combined with another use"},
		{balancer + "!(" + on("ipipMode") + ") && !(" + on("vxlanMode") + ")", "ipipMode and vxlanMode must be Never when allowedUses is LoadBalancer"},
		{balancer + "self.?nodeSelector.orValue('') in ['', 'all()']", "nodeSelector must be all() when allowedUses is LoadBalancer"},
		{balancer + "!self.?disableBGPExport.orValue(false)", "disableBGPExport must be false when allowedUses is LoadBalancer"},
	}
}

// unset tells whether a text is empty or not there.
func unset(field string) string { return "(self.?" + field + ".orValue('') == '')" }

// empty tells whether a list is empty or not there.
func empty(field string) string { return "(self.?" + field + ".orValue([]).size() == 0)" }
