package resources_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
)

// A validation is a resource's spec (or what follows its name) and what is
// wrong with it, nothing when it is valid.
type validation struct {
	name, in, want string
}

// A suite is validations of one kind; what they are of is put where frame has %s.
type suite struct {
	frame string
	tests []validation
}

func (s suite) resource(t *testing.T, tt validation) resources.Resource {
	t.Helper()
	r := decodeOne(t, strings.Replace(s.frame, "%s", tt.in, 1))
	r.Default()
	return r
}

func (s suite) run(t *testing.T) {
	t.Helper()
	for _, tt := range s.tests {
		r := s.resource(t, tt)
		got := ""
		if err := r.Validate(); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestValidateMetadata(t *testing.T) {
	suite{"apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {%s}\n", []validation{
		{"plain", "name: node-1.example.com", ""},
		{"longest", "name: " + strings.Repeat("a", 253), ""},
		{"none", "",
			"error with field metadata.name (resource name may not be empty)"},
		{"upper case", "name: BAD_Name",
			`error with field metadata.name = 'BAD_Name' (name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))`},
		{"dot at the end", "name: a.",
			`error with field metadata.name = 'a.' (name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))`},
		{"blank", "name: a b",
			`error with field metadata.name = 'a b' (name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))`},
		{"path", "name: ../../etc/passwd",
			`error with field metadata.name = '../../etc/passwd' (name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))`},
		{"too long", "name: " + strings.Repeat("a", 254),
			"error with field metadata.name = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' (the name has 254 characters, at most 253 are allowed)"},
		{"namespace", "name: a, namespace: kube-system",
			"error with field metadata.namespace = 'kube-system' (namespace should not be specified for a non-namespaced resource. Node is not a namespaced resource; remove the field)"},
		{"labels", "name: a, labels: {rack: r1, example.com/Zone_1: EU.west-1, empty: ''}", ""},
		{"label key with a blank", "name: a, labels: {'a b': c}",
			"error with field metadata.labels[a b] (a key has at most 63 letters, digits and - _ . and starts and ends with a letter or digit; a domain and / may come before it)"},
		{"label key with a bad domain", "name: a, labels: {Example.com/a: c}",
			"error with field metadata.labels[Example.com/a] (what is before the / must be a domain in lower case, such as example.com)"},
		{"label key without a name", "name: a, labels: {example.com/: c}",
			"error with field metadata.labels[example.com/] (a key has at most 63 letters, digits and - _ . and starts and ends with a letter or digit; a domain and / may come before it)"},
		{"label key too long", "name: a, labels: {" + strings.Repeat("k", 64) + ": c}",
			"error with field metadata.labels.kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk (a key has at most 63 letters, digits and - _ . and starts and ends with a letter or digit; a domain and / may come before it)"},
		{"label value with a blank", "name: a, labels: {rack: r 1}",
			"error with field metadata.labels.rack = 'r 1' (a label's value has at most 63 letters, digits and - _ . and starts and ends with a letter or digit)"},
		{"label value too long", "name: a, labels: {rack: " + strings.Repeat("r", 64) + "}",
			"error with field metadata.labels.rack = 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr' (a label's value has at most 63 letters, digits and - _ . and starts and ends with a letter or digit)"},
		{"annotations", "name: a, annotations: {Example.com/x: 'anything, really'}", ""},
		{"annotation key", "name: a, annotations: {'a/b/c': d}",
			"error with field metadata.annotations[a/b/c] (a key has at most 63 letters, digits and - _ . and starts and ends with a letter or digit; a domain and / may come before it)"},
		{"annotations too large", "name: a, annotations: {a: " + strings.Repeat("x", 256<<10) + "}",
			"error with field metadata.annotations (annotations have 262145 bytes together, at most 262144 are allowed)"},
	}}.run(t)
}

func TestValidateBGPPeer(t *testing.T) { peerSuite().run(t) }

func peerSuite() suite {
	return suite{"apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: p}\nspec: {%s}\n", []validation{
		{"global", "peerIP: 192.0.2.1, asNumber: 64512", ""},
		{"with port", "peerIP: '192.0.2.1:1790', asNumber: 64512, node: node-1", ""},
		{"IPv6", "peerIP: 'fd00::1', asNumber: '1.10', nodeSelector: rack == 'r1'", ""},
		{"IPv6 with port", "peerIP: '[fd00::1]:179', asNumber: 1", ""},
		{"selected", "peerSelector: has(rr), nodeSelector: all()", ""},
		{"everything else", "peerIP: 192.0.2.1, asNumber: 1, localASNumber: 2, nextHopMode: Keep, sourceAddress: None, maxRestartTime: 0s, keepaliveTime: 1s, numAllowedLocalASNumbers: 0, ttlSecurity: 255, reachableBy: 10.0.0.1, filters: [a, b], reversePeering: Auto, password: {secretKeyRef: {name: a, key: b_C.d}}", ""},
		{"workload", "localWorkloadSelector: all(), asNumber: 1", ""},
		{"old next hop", "peerIP: 192.0.2.1, asNumber: 1, keepOriginalNextHop: true", ""},
		{"nothing", "",
			"error with field spec (there is nobody to peer with; set peerIP and asNumber, or peerSelector)"},
		{"only asNumber", "asNumber: 64512",
			"error with field spec (there is nobody to peer with; set peerIP and asNumber, or peerSelector)"},
		{"only nodes", "nodeSelector: all()",
			"error with field spec (there is nobody to peer with; set peerIP and asNumber, or peerSelector)"},
		{"peerIP alone", "peerIP: 192.0.2.1",
			"error with field spec.asNumber (asNumber is required when peerIP is set; write the AS number of the router)"},
		{"no address", "peerIP: bad, asNumber: 1",
			"error with field spec.peerIP = 'bad' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"leading zero", "peerIP: 192.0.2.01, asNumber: 1",
			"error with field spec.peerIP = '192.0.2.01' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"prefix", "peerIP: 192.0.2.1/24, asNumber: 1",
			"error with field spec.peerIP = '192.0.2.1/24' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"zone", "peerIP: 'fe80::1%eth0', asNumber: 1",
			"error with field spec.peerIP = 'fe80::1%eth0' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"port 0", "peerIP: '192.0.2.1:0', asNumber: 1",
			"error with field spec.peerIP = '192.0.2.1:0' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"port too large", "peerIP: '192.0.2.1:65536', asNumber: 1",
			"error with field spec.peerIP = '192.0.2.1:65536' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"IPv6 port without brackets", "peerIP: '[fd00::1]179', asNumber: 1",
			"error with field spec.peerIP = '[fd00::1]179' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"unspecified", "peerIP: 0.0.0.0, asNumber: 1",
			"error with field spec.peerIP = '0.0.0.0' (no router can have this address)"},
		{"multicast", "peerIP: 'ff02::1', asNumber: 1",
			"error with field spec.peerIP = 'ff02::1' (no router can have this address)"},
		{"node and selector", "node: a, nodeSelector: all(), peerIP: 192.0.2.1, asNumber: 1",
			"error with field spec (node and nodeSelector cannot both be set)"},
		{"node name", "node: node 2, peerIP: 192.0.2.1, asNumber: 1",
			`error with field spec.node = 'node 2' (failed to validate Field: Node because of Tag: name; name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))`},
		{"node selector", "nodeSelector: a ===, peerIP: 192.0.2.1, asNumber: 1",
			"error with field spec.nodeSelector = 'a ===' (failed to validate Field: NodeSelector because of Tag: selector; column 5: expected a quoted value such as 'rack1', found =)"},
		{"peer selector", "peerSelector: has(, nodeSelector: 'rack = ''a'''",
			"error with the following fields:\n" +
				"-  spec.nodeSelector = 'rack = 'a'' (failed to validate Field: NodeSelector because of Tag: selector; column 6: expected ==, !=, in, not in, contains, starts with or ends with, found =)\n" +
				"-  spec.peerSelector = 'has(' (failed to validate Field: PeerSelector because of Tag: selector; column 5: expected the name of a label, found the end)\n"},
		{"selector too long", "peerSelector: has(" + strings.Repeat("a", 5000) + ")",
			"error with field spec.peerSelector = 'has(" + strings.Repeat("a", 196) + "...' (failed to validate Field: PeerSelector because of Tag: selector; it has 5005 characters, at most 4096 are allowed)"},
		{"peerIP and selector", "peerIP: 192.0.2.1, peerSelector: all()",
			"error with field spec (peerIP and peerSelector cannot both be set)"},
		{"asNumber and selector", "peerSelector: all(), asNumber: 1",
			"error with field spec (asNumber must be empty when peerSelector is set)"},
		{"workload with all", "localWorkloadSelector: all(), peerIP: 192.0.2.1, peerSelector: all()",
			"error with the following fields:\n" +
				"-  spec (peerIP and peerSelector cannot both be set)\n" +
				"-  spec (asNumber is required when localWorkloadSelector is set)\n" +
				"-  spec (peerIP must be empty when localWorkloadSelector is set)\n" +
				"-  spec (peerSelector must be empty when localWorkloadSelector is set)\n"},
		{"local AS 0", "peerIP: 192.0.2.1, asNumber: 1, localASNumber: 0",
			"error with field spec.localASNumber = '0' (AS 0 is reserved (RFC 7607); write the real AS number or leave the field out)"},
		{"both next hops", "peerIP: 192.0.2.1, asNumber: 1, keepOriginalNextHop: true, nextHopMode: Auto",
			"error with field spec (keepOriginalNextHop and nextHopMode cannot both be set; keepOriginalNextHop is deprecated, use nextHopMode instead)"},
		{"next hop", "peerIP: 192.0.2.1, asNumber: 1, nextHopMode: self",
			`error with field spec.nextHopMode = 'self' (supported values: "Auto", "Self", "Keep"; did you mean "Self"?)`},
		{"source", "peerIP: 192.0.2.1, asNumber: 1, sourceAddress: 10.0.0.1",
			`error with field spec.sourceAddress = '10.0.0.1' (supported values: "UseNodeIP", "None")`},
		{"reverse", "peerIP: 192.0.2.1, asNumber: 1, reversePeering: ''",
			`error with field spec.reversePeering (supported values: "Auto", "Manual")`},
		{"restart negative", "peerIP: 192.0.2.1, asNumber: 1, maxRestartTime: -1s",
			"error with field spec.maxRestartTime = '-1s' (write a duration from 0s to 4095s)"},
		{"restart too long", "peerIP: 192.0.2.1, asNumber: 1, maxRestartTime: 2h",
			"error with field spec.maxRestartTime = '2h0m0s' (write a duration from 0s to 4095s)"},
		{"keepalive too long", "peerIP: 192.0.2.1, asNumber: 1, keepaliveTime: 100h",
			"error with field spec.keepaliveTime = '100h0m0s' (write a duration from 0s to 65535s)"},
		{"allowed AS numbers", "peerIP: 192.0.2.1, asNumber: 1, numAllowedLocalASNumbers: -1",
			"error with field spec.numAllowedLocalASNumbers = '-1' (write a number from 0 to 2147483647)"},
		{"filter name", "peerIP: 192.0.2.1, asNumber: 1, filters: [good, '']",
			`error with field spec.filters[1] (name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))`},
		{"password without reference", "peerIP: 192.0.2.1, asNumber: 1, password: {}",
			"error with field spec.password.secretKeyRef (secretKeyRef is required; it has the name of a Secret and a key in it)"},
		{"password with empty reference", "peerIP: 192.0.2.1, asNumber: 1, password: {secretKeyRef: {name: '', key: ''}}",
			"error with the following fields:\n" +
				"-  spec.password.secretKeyRef.name (name is required; write the name of a Secret)\n" +
				"-  spec.password.secretKeyRef.key (key is required; write the key of the Secret that holds the password)\n"},
		{"password with bad reference", "peerIP: 192.0.2.1, asNumber: 1, password: {secretKeyRef: {name: a_b, key: a/b}}",
			"error with the following fields:\n" +
				"-  spec.password.secretKeyRef.name = 'a_b' (name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))\n" +
				"-  spec.password.secretKeyRef.key = 'a/b' (the keys of a Secret are letters, digits and - . _)\n"},
		{"gateway of the other family", "peerIP: 192.0.2.1, asNumber: 1, reachableBy: 'fd00::1'",
			"error with field spec.reachableBy = 'fd00::1' (ReachableBy and PeerIP address family mismatched)"},
		{"gateway of the other family, with a port", "peerIP: '[fd00::1]:179', asNumber: 1, reachableBy: 10.0.0.1",
			"error with field spec.reachableBy = '10.0.0.1' (ReachableBy and PeerIP address family mismatched)"},
		{"gateway and port", "peerIP: '192.0.2.1:1790', asNumber: 1, reachableBy: 10.0.0.1", ""},
		{"gateway with a length", "peerIP: 192.0.2.1, asNumber: 1, reachableBy: 10.0.0.1/24",
			"error with field spec.reachableBy = '10.0.0.1/24' (write the address of the gateway that leads to peerIP, without a length)"},
		{"gateway of nobody", "peerSelector: all(), reachableBy: 10.0.0.1",
			"error with field spec (peerIP is required when reachableBy is set)"},
		{"terminal command in a value", "peerIP: \"a\\eb\\nc\", asNumber: 1",
			"error with field spec.peerIP = 'a\\x1bb\\nc' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
		{"long value", "peerIP: " + strings.Repeat("1", 1000) + ", asNumber: 1",
			"error with field spec.peerIP = '11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111...' (failed to validate Field: PeerIP because of Tag: IP:port; write an address, 192.0.2.1:1790 or [fd00::1]:1790)"},
	}}
}

func TestValidateBGPConfiguration(t *testing.T) {
	configurationSuite().run(t)
	ofNodeSuite().run(t)
}

func configurationSuite() suite {
	return suite{"apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {%s}\n", []validation{
		{"nothing", "", ""},
		{"severity in lower case", "logSeverityScreen: warning", ""},
		{"mesh off", "nodeToNodeMeshEnabled: false", ""},
		{"communities", "communities: [{name: a, value: '65535:0'}, {name: b, value: '4294967295:0:1'}], prefixAdvertisements: [{cidr: 10.0.0.0/8, communities: [a, b, '1:2']}, {cidr: 'fd00::/8'}]", ""},
		{"entry without cidr", "serviceClusterIPs: [{}], serviceExternalIPs: [{cidr: 'fd00::/64'}]", ""},
		{"interfaces", "ignoredInterfaces: [eth0, 'wg*', br-lan_1.2]", ""},
		{"severity", "logSeverityScreen: Loud",
			"error with field spec.logSeverityScreen = 'Loud' (spec.logSeverityScreen in body should match '^(?i)(Trace|Debug|Info|Warning|Error|Fatal)?$')"},
		{"AS 0", "asNumber: 0",
			"error with field spec.asNumber = '0' (AS 0 is reserved (RFC 7607); write the real AS number or leave the field out)"},
		{"cidr", "serviceClusterIPs: [{cidr: 10.96.0.1/12}], serviceExternalIPs: [{cidr: 10.0.0.1}], serviceLoadBalancerIPs: [{}, {cidr: x}]",
			"error with the following fields:\n" +
				"-  spec.serviceLoadBalancerIPs[1].cidr = 'x' (write an address and a length, such as 10.0.0.0/24 or fd00::/64)\n" +
				"-  spec.serviceExternalIPs[0].cidr = '10.0.0.1' (the length is missing; write 10.0.0.1/32 for the one address)\n" +
				"-  spec.serviceClusterIPs[0].cidr = '10.96.0.1/12' (the address has bits set beyond its length; write 10.96.0.0/12)\n"},
		{"aggregation", "serviceLoadBalancerAggregation: enabled",
			`error with field spec.serviceLoadBalancerAggregation = 'enabled' (supported values: "Enabled", "Disabled"; did you mean "Enabled"?)`},
		{"community too large", "communities: [{name: a, value: '70000:1'}]",
			"error with the following fields:\n" +
				"-  spec.communities[0].value = '70000:1' (invalid community value, expected 16 bit value; 70000 is more than 65535)\n" +
				"-  spec (communities are defined but not used in prefixAdvertisements)\n"},
		{"large community too large", "communities: [{name: a, value: '1:2:4294967296'}], prefixAdvertisements: [{cidr: 10.0.0.0/8}]",
			"error with field spec.communities[0].value = '1:2:4294967296' (invalid community value, expected 32 bit value; 4294967296 is more than 4294967295)"},
		{"community format", "communities: [{name: a, value: '1'}, {name: b, value: '1:'}, {name: c, value: '1:2:3:4'}, {name: d, value: '-1:2'}], prefixAdvertisements: [{cidr: 10.0.0.0/8}]",
			"error with the following fields:\n" +
				"-  spec.communities[0].value = '1' (invalid community value or format used; write aa:nn, or aa:nn:mm for a large community)\n" +
				"-  spec.communities[1].value = '1:' (invalid community value or format used; write aa:nn, or aa:nn:mm for a large community)\n" +
				"-  spec.communities[2].value = '1:2:3:4' (invalid community value or format used; write aa:nn, or aa:nn:mm for a large community)\n" +
				"-  spec.communities[3].value = '-1:2' (invalid community value or format used; write aa:nn, or aa:nn:mm for a large community)\n"},
		{"community names", "communities: [{value: '1:1'}, {name: a, value: '1:1'}, {name: a, value: '1:2'}], prefixAdvertisements: [{cidr: 10.0.0.0/8}]",
			"error with the following fields:\n" +
				"-  spec.communities[0].name (name is required; prefixAdvertisements refer to it)\n" +
				"-  spec.communities[2].name = 'a' (an entry before has this name; give each another one)\n"},
		{"community not defined", "prefixAdvertisements: [{cidr: 10.0.0.0/8, communities: [nope, '70000:1']}]",
			"error with the following fields:\n" +
				"-  spec.prefixAdvertisements[0].communities[0] = 'nope' (community used is invalid or not defined. Define it under spec.communities)\n" +
				"-  spec.prefixAdvertisements[0].communities[1] = '70000:1' (community used is invalid or not defined.; invalid community value, expected 16 bit value; 70000 is more than 65535)\n"},
		{"advertisement cidr", "prefixAdvertisements: [{communities: ['1:1']}, {cidr: 10.1.0.0/8}]",
			"error with the following fields:\n" +
				"-  spec.prefixAdvertisements[0].cidr (cidr is required; write the prefix the communities are for)\n" +
				"-  spec.prefixAdvertisements[1].cidr = '10.1.0.0/8' (the address has bits set beyond its length; write 10.0.0.0/8)\n"},
		{"too many", "prefixAdvertisements: [" + strings.Repeat("{cidr: 10.0.0.0/8},", 501) + "]",
			"error with field spec.prefixAdvertisements (the list has 501 entries, at most 500 are allowed)"},
		{"password without mesh", "nodeToNodeMeshEnabled: false, nodeMeshPassword: {secretKeyRef: {name: a, key: b}}, nodeMeshMaxRestartTime: 1s",
			"error with the following fields:\n" +
				"-  spec (nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false)\n" +
				"-  spec (nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false)\n"},
		{"bind mode", "bindMode: nodeip",
			`error with field spec.bindMode = 'nodeip' (supported values: "None", "NodeIP"; did you mean "NodeIP"?)`},
		{"interface", "ignoredInterfaces: ['*', 'a b', toolonginterface]",
			"error with the following fields:\n" +
				"-  spec.ignoredInterfaces[1] = 'a b' (write 1 to 15 letters, digits and _ . - with * for any number of characters)\n" +
				"-  spec.ignoredInterfaces[2] = 'toolonginterface' (write 1 to 15 letters, digits and _ . - with * for any number of characters)\n" +
				"-  spec.ignoredInterfaces[0] = '*' (this would ignore every interface; name those to ignore)\n"},
		{"workload addresses", "localWorkloadPeeringIPV4: 'fd00::1', localWorkloadPeeringIPV6: 10.0.0.1",
			"error with the following fields:\n" +
				"-  spec.localWorkloadPeeringIPV4 = 'fd00::1' (write an IPv4 address such as 192.0.2.1, without a length)\n" +
				"-  spec.localWorkloadPeeringIPV6 = '10.0.0.1' (write an IPv6 address such as fd00::1, without a length)\n"},
		{"cluster routes", "programClusterRoutes: Always",
			`error with field spec.programClusterRoutes = 'Always' (supported values: "Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly")`},
		{"priorities", "ipv4NormalRoutePriority: 0, ipv6NormalRoutePriority: 2147483647",
			"error with the following fields:\n" +
				"-  spec.ipv4NormalRoutePriority = '0' (write a number from 1 to 2147483646)\n" +
				"-  spec.ipv6NormalRoutePriority = '2147483647' (write a number from 1 to 2147483646)\n"},
	}}
}

// ofNodeSuite is of configurations that are a node's.
func ofNodeSuite() suite {
	return suite{"apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: node.a}\nspec: {%s}\n", []validation{
		{"of a node", "logSeverityScreen: Debug, listenPort: 1790, prefixAdvertisements: [{cidr: 10.0.0.0/8, communities: ['1:1']}], bindMode: NodeIP", ""},
		{"too much for a node", "asNumber: 1, nodeToNodeMeshEnabled: true, serviceClusterIPs: [{}], serviceExternalIPs: [{}], serviceLoadBalancerIPs: [{}], nodeMeshPassword: {secretKeyRef: {name: a, key: b}}, nodeMeshMaxRestartTime: 1s",
			"error with the following fields:\n" +
				"-  spec.asNumber (Cannot set ASNumber on a non default BGP Configuration. Move it to the one named default)\n" +
				"-  spec.nodeToNodeMeshEnabled (Cannot set nodeToNodeMeshEnabled on a non default BGP Configuration. Move it to the one named default)\n" +
				"-  spec.serviceClusterIPs (Cannot set ServiceClusterIPs on a non default BGP Configuration. Move it to the one named default)\n" +
				"-  spec.serviceExternalIPs (Cannot set ServiceExternalIPs on a non default BGP Configuration. Move it to the one named default)\n" +
				"-  spec.serviceLoadBalancerIPs (Cannot set ServiceLoadBalancerIPs on a non default BGP Configuration. Move it to the one named default)\n" +
				"-  spec.nodeMeshPassword (Cannot set nodeMeshPassword on a non default BGP Configuration. Move it to the one named default)\n" +
				"-  spec.nodeMeshMaxRestartTime (Cannot set nodeMeshMaxRestartTime on a non default BGP Configuration. Move it to the one named default)\n"},
	}}
}

func TestValidateBGPFilter(t *testing.T) { filterSuite().run(t) }

func filterSuite() suite {
	return suite{"apiVersion: projectcalico.org/v3\nkind: BGPFilter\nmetadata: {name: f}\nspec: {%s}\n", []validation{
		{"nothing", "", ""},
		{"match all", "exportV4: [{action: Reject}]", ""},
		{"everything", "importV6: [{cidr: 'fd00::/8', matchOperator: In, prefixLength: {min: 8, max: 128}, source: RemotePeers, interface: 'eth*', peerType: iBGP, communities: {values: ['1:2:3']}, asPathPrefix: [1, '1.1'], priority: 1, action: Accept, operations: [{addCommunity: {value: '1:2'}}, {prependASPath: {prefix: [1]}}, {setPriority: {value: 2147483646}}]}]", ""},
		{"no operations", "exportV4: [{action: Reject, operations: []}]", ""},
		{"no action", "exportV4: [{}]",
			`error with field spec.exportV4[0].action (supported values: "Accept", "Reject")`},
		{"action in lower case", "exportV4: [{action: accept}]",
			`error with field spec.exportV4[0].action = 'accept' (supported values: "Accept", "Reject"; did you mean "Accept"?)`},
		{"cidr without operator", "exportV4: [{action: Accept, cidr: 10.0.0.0/8}]",
			"error with field spec.exportV4[0] (cidr and matchOperator must both be set or both be empty)"},
		{"operator without cidr", "exportV4: [{action: Accept}, {action: Accept, matchOperator: In}]",
			"error with field spec.exportV4[1] (cidr and matchOperator must both be set or both be empty)"},
		{"cidr of the other family", "exportV4: [{action: Accept, cidr: 'fd00::/8', matchOperator: In}], importV6: [{action: Accept, cidr: 10.0.0.0/8, matchOperator: In}]",
			"error with the following fields:\n" +
				"-  spec.exportV4[0].cidr = 'fd00::/8' (failed to validate Field: CIDR because of Tag: netv4; write an IPv4 prefix here)\n" +
				"-  spec.importV6[0].cidr = '10.0.0.0/8' (failed to validate Field: CIDR because of Tag: netv6; write an IPv6 prefix here)\n"},
		{"cidr not masked", "exportV4: [{action: Accept, cidr: 10.0.0.1/8, matchOperator: In}]",
			"error with field spec.exportV4[0].cidr = '10.0.0.1/8' (failed to validate Field: CIDR because of Tag: netv4; the address has bits set beyond its length; write 10.0.0.0/8)"},
		{"cidr without length", "exportV4: [{action: Accept, cidr: 10.0.0.1, matchOperator: Equal}]",
			"error with field spec.exportV4[0].cidr = '10.0.0.1' (failed to validate Field: CIDR because of Tag: netv4; the length is missing; write 10.0.0.1/32 for the one address)"},
		{"operator", "exportV4: [{action: Accept, cidr: 10.0.0.0/8, matchOperator: '=='}]",
			`error with field spec.exportV4[0].matchOperator = '==' (supported values: "Equal", "NotEqual", "In", "NotIn")`},
		{"length without cidr", "exportV4: [{action: Accept, prefixLength: {min: 24}}]",
			"error with field spec.exportV4[0] (cidr is required when prefixLength is set)"},
		{"length out of range", "exportV4: [{action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {min: -1, max: 33}}]",
			"error with the following fields:\n" +
				"-  spec.exportV4[0].prefixLength.min = '-1' (write a number from 0 to 32)\n" +
				"-  spec.exportV4[0].prefixLength.max = '33' (write a number from 0 to 32)\n"},
		{"lengths the wrong way round", "exportV4: [{action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {min: 28, max: 24}}]",
			"error with field spec.exportV4[0].prefixLength (min 28 is greater than max 24; no route can match)"},
		{"length shorter than the cidr", "exportV4: [{action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {max: 7}}]",
			"error with field spec.exportV4[0].prefixLength.max = '7' (no prefix inside 10.0.0.0/8 is that short; write 8 or more)"},
		{"source", "exportV4: [{action: Accept, source: Local}]",
			`error with field spec.exportV4[0].source = 'Local' (supported values: "RemotePeers")`},
		{"interface", "exportV4: [{action: Accept, interface: 'eth$'}]",
			"error with field spec.exportV4[0].interface = 'eth$' (write 1 to 15 letters, digits and _ . - with * for any number of characters)"},
		{"peer type", "exportV4: [{action: Accept, peerType: ebgp}]",
			`error with field spec.exportV4[0].peerType = 'ebgp' (supported values: "eBGP", "iBGP"; did you mean "eBGP"?)`},
		{"communities", "exportV4: [{action: Accept, communities: {values: []}}, {action: Accept, communities: {values: ['1:1', '70000:2']}}]",
			"error with the following fields:\n" +
				"-  spec.exportV4[0].communities.values (the list has 0 entries, write exactly 1; for several communities, write a rule for each)\n" +
				"-  spec.exportV4[1].communities.values (the list has 2 entries, write exactly 1; for several communities, write a rule for each)\n" +
				"-  spec.exportV4[1].communities.values[1] = '70000:2' (invalid community value, expected 16 bit value; 70000 is more than 65535)\n"},
		{"priority", "exportV4: [{action: Accept, priority: 0}]",
			"error with field spec.exportV4[0].priority = '0' (write a number from 1 to 2147483646)"},
		{"operation on reject", "exportV4: [{action: Reject, operations: [{addCommunity: {value: '1:1'}}]}]",
			"error with field spec.exportV4[0] (operations may only be used with action Accept)"},
		{"operations", "exportV4: [{action: Accept, operations: [{}, {addCommunity: {value: ''}, setPriority: {value: 0}}, {prependASPath: {prefix: []}}, {prependASPath: {prefix: [0]}}, {setPriority: {}}]}]",
			"error with the following fields:\n" +
				"-  spec.exportV4[0].operations[1].addCommunity.value (invalid community value or format used; write aa:nn, or aa:nn:mm for a large community)\n" +
				"-  spec.exportV4[0].operations[1].setPriority.value = '0' (write a number from 1 to 2147483646)\n" +
				"-  spec.exportV4[0].operations[2].prependASPath.prefix (the list has 0 entries, write 1 to 10)\n" +
				"-  spec.exportV4[0].operations[3].prependASPath.prefix[0] = '0' (AS 0 is reserved (RFC 7607); write the real AS number or leave the field out)\n" +
				"-  spec.exportV4[0].operations[4].setPriority.value (value is required)\n" +
				"-  spec.exportV4[0].operations[0] (write exactly one of addCommunity, prependASPath and setPriority; there are 0)\n" +
				"-  spec.exportV4[0].operations[1] (write exactly one of addCommunity, prependASPath and setPriority; there are 2)\n"},
		{"too many operations", "exportV4: [{action: Accept, operations: [" + strings.Repeat("{addCommunity: {value: '1:1'}},", 11) + "]}]",
			"error with field spec.exportV4[0].operations (the list has 11 entries, at most 10 are allowed)"},
	}}
}

func TestValidateIPPool(t *testing.T) { poolSuite().run(t) }

func poolSuite() suite {
	return suite{"apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {%s}\n", []validation{
		{"plain", "cidr: 10.0.0.0/16", ""},
		{"IPv6", "cidr: 'fd00::/48', vxlanMode: Always", ""},
		{"small with its block size", "cidr: 192.0.2.1/32, blockSize: 32", ""},
		{"small and disabled", "cidr: 192.0.2.0/30, disabled: true", ""},
		{"for services", "cidr: 10.0.0.0/16, allowedUses: [LoadBalancer], assignmentMode: Manual", ""},
		{"for namespaces", "cidr: 10.0.0.0/16, allowedUses: [Workload], namespaceSelector: has(team)", ""},
		{"no cidr", "",
			"error with field spec.cidr (IPPool CIDR must be specified)"},
		{"cidr", "cidr: 10.0.0.0",
			"error with field spec.cidr = '10.0.0.0' (IPPool CIDR must be a valid subnet; the length is missing; write 10.0.0.0/32 for the one address)"},
		{"cidr not masked", "cidr: 10.0.0.1/16",
			"error with field spec.cidr = '10.0.0.1/16' (IPPool CIDR is not strictly masked; write 10.0.0.0/16)"},
		{"link local", "cidr: 169.254.1.0/24",
			"error with field spec.cidr = '169.254.1.0/24' (IPPool CIDR overlaps with the link local range 169.254.0.0/16)"},
		{"link local inside", "cidr: 'fe00::/7'",
			"error with field spec.cidr = 'fe00::/7' (IPPool CIDR overlaps with the link local range fe80::/10)"},
		{"too small", "cidr: 10.0.0.0/28",
			"error with field spec (IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size. Set blockSize: 28, or disabled: true for a pool that is only routed)"},
		{"block size", "cidr: 10.0.0.0/16, blockSize: 19",
			"error with field spec (blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools; it is 19)"},
		{"block size for IPv6", "cidr: 'fd00::/64', blockSize: 26",
			"error with field spec (blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools; it is 26)"},
		{"both encapsulations", "cidr: 10.0.0.0/16, ipipMode: Always, vxlanMode: CrossSubnet",
			"error with field spec (ipipMode and vxlanMode cannot both be enabled)"},
		{"encapsulation", "cidr: 10.0.0.0/16, ipipMode: always, vxlanMode: 'off'",
			"error with the following fields:\n" +
				"-  spec.vxlanMode = 'off' (supported values: \"Never\", \"Always\", \"CrossSubnet\")\n" +
				"-  spec.ipipMode = 'always' (supported values: \"Never\", \"Always\", \"CrossSubnet\"; did you mean \"Always\"?)\n"},
		{"IPIP on IPv6", "cidr: 'fd00::/64', ipipMode: Always",
			"error with field spec (IPIP is not supported on IPv6 pools)"},
		{"selector", "cidr: 10.0.0.0/16, nodeSelector: a =",
			"error with field spec.nodeSelector = 'a =' (failed to validate Field: NodeSelector because of Tag: selector; column 3: expected ==, !=, in, not in, contains, starts with or ends with, found =)"},
		{"selector of nobody", "cidr: 10.0.0.0/16, nodeSelector: global()",
			"error with field spec.nodeSelector = 'global()' (global() selects no node; use all())"},
		{"use", "cidr: 10.0.0.0/16, allowedUses: [Tunnels]",
			`error with field spec.allowedUses[0] = 'Tunnels' (supported values: "Workload", "Tunnel", "LoadBalancer")`},
		{"uses", "cidr: 10.0.0.0/16, allowedUses: [LoadBalancer, Workload], ipipMode: Always, nodeSelector: has(a), disableBGPExport: true",
			"error with the following fields:\n" +
				"-  spec (allowedUses LoadBalancer cannot be combined with another use)\n" +
				"-  spec (ipipMode and vxlanMode must be Never when allowedUses is LoadBalancer)\n" +
				"-  spec (nodeSelector must be all() when allowedUses is LoadBalancer)\n" +
				"-  spec (disableBGPExport must be false when allowedUses is LoadBalancer)\n"},
		{"namespaces and tunnels", "cidr: 10.0.0.0/16, namespaceSelector: has(team)",
			"error with field spec (namespaceSelector cannot be used with allowedUses Tunnel; write allowedUses: [Workload])"},
		{"assignment", "cidr: 10.0.0.0/16, assignmentMode: Auto",
			`error with field spec.assignmentMode = 'Auto' (supported values: "Automatic", "Manual")`},
	}}
}

func TestValidateBlockAffinity(t *testing.T) { affinitySuite().run(t) }

func affinitySuite() suite {
	return suite{"apiVersion: projectcalico.org/v3\nkind: BlockAffinity\nmetadata: {name: b}\nspec: {%s}\n", []validation{
		{"plain", "node: n1, cidr: 10.0.0.0/26", ""},
		{"everything", "node: n1, cidr: 'fd00::/122', state: pendingDeletion, type: virtual, deleted: true", ""},
		{"nothing", "",
			"error with the following fields:\n" +
				"-  spec.node (node is required; write the name of the Node that has the block)\n" +
				"-  spec.cidr (cidr is required; write the block, such as 10.0.0.0/26)\n"},
		{"cidr", "node: n1, cidr: 10.0.0.1/26",
			"error with field spec.cidr = '10.0.0.1/26' (the address has bits set beyond its length; write 10.0.0.0/26)"},
		{"state", "node: n1, cidr: 10.0.0.0/26, state: Confirmed",
			`error with field spec.state = 'Confirmed' (supported values: "confirmed", "pending", "pendingDeletion"; did you mean "confirmed"?)`},
		{"type", "node: n1, cidr: 10.0.0.0/26, type: node",
			`error with field spec.type = 'node' (supported values: "host", "virtual")`},
	}}
}

func TestValidateNode(t *testing.T) {
	suite{"apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n}\nspec: {%s}\n", []validation{
		{"nothing", "", ""},
		{"addresses", "bgp: {ipv4Address: 10.0.0.1/24, ipv6Address: 'fd00::1'}", ""},
		{"reflector", "bgp: {ipv4Address: 10.0.0.1, routeReflectorClusterID: 244.0.0.1, asNumber: 1}", ""},
		{"bgp empty", "bgp: {}",
			"error with field spec.bgp (Spec.BGP should not be empty; set ipv4Address or ipv6Address, or remove bgp)"},
		{"AS 0", "bgp: {asNumber: 0}",
			"error with field spec.bgp.asNumber = '0' (AS 0 is reserved (RFC 7607); write the real AS number or leave the field out)"},
		{"addresses the wrong way round", "bgp: {ipv4Address: 'fd00::1', ipv6Address: 10.0.0.1}",
			"error with the following fields:\n" +
				"-  spec.bgp.ipv4Address = 'fd00::1' (write an IPv4 address such as 192.0.2.1, with or without a length)\n" +
				"-  spec.bgp.ipv6Address = '10.0.0.1' (write an IPv6 address such as fd00::1, with or without a length)\n"},
		{"addresses that are none", "bgp: {ipv4Address: 10.0.0.1/33, ipv6Address: 'fe80::1%eth0', ipv4IPIPTunnelAddr: 10.0.0.1/24}",
			"error with the following fields:\n" +
				"-  spec.bgp.ipv4Address = '10.0.0.1/33' (write an IPv4 address such as 192.0.2.1, with or without a length)\n" +
				"-  spec.bgp.ipv6Address = 'fe80::1%eth0' (write an IPv6 address such as fd00::1, with or without a length)\n" +
				"-  spec.bgp.ipv4IPIPTunnelAddr = '10.0.0.1/24' (write an IPv4 address such as 192.0.2.1, without a length)\n"},
		{"address of nobody", "bgp: {ipv4Address: 0.0.0.0/0, ipv6Address: 'ff02::1'}",
			"error with the following fields:\n" +
				"-  spec.bgp.ipv4Address = '0.0.0.0/0' (no machine can have this address)\n" +
				"-  spec.bgp.ipv6Address = 'ff02::1' (no machine can have this address)\n"},
		{"cluster id", "bgp: {routeReflectorClusterID: abc}",
			"error with field spec.bgp.routeReflectorClusterID = 'abc' (failed to validate Field: RouteReflectorClusterID because of Tag: ipv4; write it like an IPv4 address, such as 244.0.0.1)"},
		{"tunnels", "ipv4VXLANTunnelAddr: x, ipv6VXLANTunnelAddr: 10.0.0.1, vxlanTunnelMACAddr: 1-2, vxlanTunnelMACAddrV6: '00:00:00:00:fe:80:00:00'",
			"error with the following fields:\n" +
				"-  spec.ipv4VXLANTunnelAddr = 'x' (write an IPv4 address such as 192.0.2.1, without a length)\n" +
				"-  spec.vxlanTunnelMACAddr = '1-2' (write six bytes, such as 66:2d:bf:4a:6c:01)\n" +
				"-  spec.ipv6VXLANTunnelAddr = '10.0.0.1' (write an IPv6 address such as fd00::1, without a length)\n" +
				"-  spec.vxlanTunnelMACAddrV6 = '00:00:00:00:fe:80:00:00' (write six bytes, such as 66:2d:bf:4a:6c:01)\n"},
		{"the rest", "orchRefs: [{nodeName: n}], wireguard: {interfaceIPv4Address: x, interfaceIPv6Address: z}, addresses: [{}, {address: z, type: Home}], interfaces: [{name: eth0, addresses: [w]}]",
			"error with the following fields:\n" +
				"-  spec.orchRefs[0].orchestrator (orchestrator is required; write its name, such as k8s)\n" +
				"-  spec.wireguard.interfaceIPv4Address = 'x' (write an IPv4 address such as 192.0.2.1, without a length)\n" +
				"-  spec.wireguard.interfaceIPv6Address = 'z' (write an IPv6 address such as fd00::1, without a length)\n" +
				"-  spec.addresses[0].address (address is required; write it)\n" +
				"-  spec.addresses[1].address = 'z' (write an address such as 192.0.2.1 or fd00::1, with or without a length)\n" +
				"-  spec.addresses[1].type = 'Home' (supported values: \"CalicoNodeIP\", \"InternalIP\", \"ExternalIP\")\n" +
				"-  spec.interfaces[0].addresses[0] = 'w' (write an address such as 192.0.2.1 or fd00::1, with or without a length)\n"},
	}}.run(t)
}

func TestValidateSecret(t *testing.T) {
	suite{"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n%s\n", []validation{
		{"nothing", "", ""},
		{"data", "data: {mesh: aHVudGVyMg==, rack_1.a-B: ''}", ""},
		{"plain", "stringData: {mesh: hunter2}", ""},
		{"keys", "data: {a/b: aHVudGVyMg==}\nstringData: {'a b': hunter2}",
			"error with the following fields:\n" +
				"-  data[a b] (the keys of a Secret are letters, digits and - . _)\n" +
				"-  data[a/b] (the keys of a Secret are letters, digits and - . _)\n"},
		{"what was printed", "stringData: {mesh: '***'}",
			"error with field data.mesh (the value is the *** that is printed in place of a secret; write the secret itself, or remove the line)"},
	}}.run(t)
}

func TestDefault(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"kind: BGPConfiguration\napiVersion: projectcalico.org/v3\nmetadata: {name: node.a}\n", `apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: node.a
spec:
  logSeverityScreen: Info
  serviceLoadBalancerAggregation: Enabled
`},
		{"kind: IPPool\napiVersion: projectcalico.org/v3\nmetadata: {name: a}\nspec: {cidr: 10.0.0.0/16}\n", `apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: a
spec:
  allowedUses:
  - Workload
  - Tunnel
  assignmentMode: Automatic
  blockSize: 26
  cidr: 10.0.0.0/16
  ipipMode: Never
  nodeSelector: all()
  vxlanMode: Never
`},
		{"kind: IPPool\napiVersion: projectcalico.org/v3\nmetadata: {name: a}\nspec: {cidr: 'fd00::/64', allowedUses: [LoadBalancer], assignmentMode: Manual, nodeSelector: has(a), vxlanMode: Always, ipipMode: CrossSubnet}\n", `apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: a
spec:
  allowedUses:
  - LoadBalancer
  assignmentMode: Manual
  blockSize: 122
  cidr: fd00::/64
  ipipMode: CrossSubnet
  nodeSelector: has(a)
  vxlanMode: Always
`},
		{"kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {a: b25l, b: dHdv}\nstringData: {b: three, c: four}\n", `apiVersion: v1
data:
  a: b25l
  b: dGhyZWU=
  c: Zm91cg==
kind: Secret
metadata:
  name: a
`},
	} {
		r := decodeOne(t, tt.in)
		r.Default()
		if diff := cmp.Diff(tt.want, encode(t, r)); diff != "" {
			t.Errorf("%s defaulted (-want +got):\n%s", resources.KeyOf(r), diff)
		}
		once := resources.Clone(r)
		r.Default()
		if diff := cmp.Diff(once, r); diff != "" {
			t.Errorf("%s is another when defaulted twice:\n%s", resources.KeyOf(r), diff)
		}
	}
}

// TestDefaultNamesTheKind: resources built in code need no head.
func TestDefaultNamesTheKind(t *testing.T) {
	for _, typ := range resources.Types() {
		r := typ.New()
		r.Meta().Name = "a"
		r.Default()
		if got := resources.KeyOf(decodeOne(t, encode(t, r))); got != resources.KeyOf(r) {
			t.Errorf("%s comes back as %s", resources.KeyOf(r), got)
		}
	}
}

func TestValidateUpdate(t *testing.T) {
	pool := func(name, cidr string, blockSize int) resources.Resource {
		p := &resources.IPPool{Spec: resources.IPPoolSpec{CIDR: cidr, BlockSize: blockSize}}
		p.Name = name
		return p
	}
	for _, tt := range []struct {
		old, new resources.Resource
		want     string
	}{
		{pool("a", "10.0.0.0/16", 26), pool("a", "10.0.0.0/16", 26), ""},
		{pool("a", "10.0.0.0/16", 26), pool("a", "10.0.0.0/15", 28), "error with the following fields:\n" +
			"-  spec.cidr = '10.0.0.0/15' (IPPool CIDR cannot be modified; it is 10.0.0.0/16, create another pool instead)\n" +
			"-  spec.blockSize = '28' (IPPool BlockSize cannot be modified; it is 26)\n"},
		{pool("a", "10.0.0.0/16", 26), pool("b", "10.0.0.0/16", 26), "IPPool(a) cannot become IPPool(b): create the one, delete the other"},
		{&resources.Node{}, &resources.Node{Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{IPv4Address: "10.0.0.1"}}}, ""},
	} {
		got := ""
		if err := resources.ValidateUpdate(tt.old, tt.new); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ValidateUpdate(%s, %s) (-want +got):\n%s", resources.KeyOf(tt.old), resources.KeyOf(tt.new), diff)
		}
	}
}
