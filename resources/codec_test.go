package resources_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
)

// head starts a BGPPeer of two lines and its metadata; spec goes on line 5.
const head = "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: rack1\n"

const secretHead = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: pw\n"

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
	}{
		{"unknown field", head + "spec:\n  unknown: 1\n",
			`field in document is not recognized or is in the wrong location: unknown (document 1, line 6, BGPPeer(rack1), spec.unknown = '1')`},
		{"wrong case", head + "spec:\n  peerIp: 192.0.2.1\n",
			`field in document is not recognized or is in the wrong location: peerIp; did you mean peerIP? (document 1, line 6, BGPPeer(rack1), spec.peerIp = '192.0.2.1')`},
		{"misspelt", head + "spec:\n  nodeSelektor: all()\n",
			`field in document is not recognized or is in the wrong location: nodeSelektor; did you mean nodeSelector? (document 1, line 6, BGPPeer(rack1), spec.nodeSelektor = 'all()')`},
		{"wrong level", head + "peerIP: 192.0.2.1\n",
			`field in document is not recognized or is in the wrong location: peerIP; did you mean spec.peerIP? (document 1, line 5, BGPPeer(rack1), peerIP = '192.0.2.1')`},
		{"wrong level, twice possible", head + "spec:\n  name: rack1\n  labels: {a: b}\n  secretKeyRef: {}\n",
			`field in document is not recognized or is in the wrong location: name (document 1, line 6, BGPPeer(rack1), spec.name = 'rack1')` + "\n" +
				`field in document is not recognized or is in the wrong location: labels; did you mean metadata.labels? (document 1, line 7, BGPPeer(rack1), spec.labels)` + "\n" +
				`field in document is not recognized or is in the wrong location: secretKeyRef; did you mean spec.password.secretKeyRef? (document 1, line 8, BGPPeer(rack1), spec.secretKeyRef)`},
		{"a password in the place of its reference", head + "spec:\n  password: correct horse\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field BGPPeerSpec.spec.password of type resources.BGPPassword; fields belong here, each on a line: secretKeyRef (document 1, line 6, BGPPeer(rack1), spec.password)`},
		{"a password beside its reference", head + "spec:\n  password:\n    value: correct horse\n  Password: correct horse\n",
			`field in document is not recognized or is in the wrong location: value (document 1, line 7, BGPPeer(rack1), spec.password.value)` + "\n" +
				`field in document is not recognized or is in the wrong location: Password; did you mean password? (document 1, line 8, BGPPeer(rack1), spec.Password)`},
		{"status of a peer", head + "status: {}\n",
			`field in document is not recognized or is in the wrong location: status (document 1, line 5, BGPPeer(rack1), status)`},
		{"label at the wrong place", head + "  lables: {a: b}\n",
			`field in document is not recognized or is in the wrong location: lables; did you mean labels? (document 1, line 5, BGPPeer(rack1), metadata.lables)`},
		{"unknown field in a list", strings.Replace(head, "BGPPeer", "BGPFilter", 1) + "spec:\n  exportV4:\n  - action: Accept\n  - Action: Accept\n",
			`field in document is not recognized or is in the wrong location: Action; did you mean action? (document 1, line 8, BGPFilter(rack1), spec.exportV4[1].Action = 'Accept')`},
		{"two at once, second document", head + "---\n" + head + "spec:\n  asnumber: 1\n  peerIP: [1]\n",
			`field in document is not recognized or is in the wrong location: asnumber; did you mean asNumber? (document 2, line 11, BGPPeer(rack1), spec.asnumber = '1')` + "\n" +
				`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field BGPPeerSpec.spec.peerIP of type string; write a single text (document 2, line 12, BGPPeer(rack1), spec.peerIP)`},
		{"duplicate key", head + "spec:\n  peerIP: 192.0.2.1\n  asNumber: 1\n  peerIP: 192.0.2.2\n",
			`error converting YAML to JSON: yaml: unmarshal errors: line 8: key "peerIP" already set in map (document 1, line 8)`},
		{"duplicate key in JSON", `{"kind": "BGPPeer",` + "\n" + `"kind": "Node"}`,
			`error converting YAML to JSON: line 2: key "kind" already set in map (document 1, line 2)`},
		{"AS number too large", head + "spec:\n  asNumber: 99999999999\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field BGPPeerSpec.spec.asNumber of type string: invalid AS Number format (99999999999); an AS number is 0 to 4294967295, or dotted like 1.10 (document 1, line 6, BGPPeer(rack1), spec.asNumber = '99999999999')`},
		{"AS number negative", head + "spec:\n  asNumber: -1\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field BGPPeerSpec.spec.asNumber of type string: invalid AS Number format (-1); an AS number is 0 to 4294967295, or dotted like 1.10 (document 1, line 6, BGPPeer(rack1), spec.asNumber = '-1')`},
		{"AS number dotted without quotes", head + "spec:\n  asNumber: 1.10\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field BGPPeerSpec.spec.asNumber of type string: invalid AS Number format (1.10); write dotted notation in quotes: "1.10" (document 1, line 6, BGPPeer(rack1), spec.asNumber = '1.10')`},
		{"AS number 1.0, a whole number to YAML", head + "spec:\n  asNumber: 1.0\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field BGPPeerSpec.spec.asNumber of type string: invalid AS Number format (1.0); write dotted notation in quotes: "1.10" (document 1, line 6, BGPPeer(rack1), spec.asNumber = '1.0')`},
		{"AS number in words", head + "spec:\n  asNumber: abc\n",
			`error unmarshaling JSON: while decoding JSON: invalid AS Number format (abc); an AS number is 0 to 4294967295, or dotted like 1.10 (document 1, line 6, BGPPeer(rack1), spec.asNumber = 'abc')`},
		{"AS number with a large half", head + "spec:\n  asNumber: '1.70000'\n",
			`error unmarshaling JSON: while decoding JSON: invalid AS Number format (1.70000); both halves of dotted notation are 0 to 65535 (document 1, line 6, BGPPeer(rack1), spec.asNumber = '1.70000')`},
		{"AS number as a list", head + "spec:\n  asNumber: [1]\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field BGPPeerSpec.spec.asNumber of type string: invalid AS Number format ([1]); an AS number is 0 to 4294967295, or dotted like 1.10 (document 1, line 6, BGPPeer(rack1), spec.asNumber)`},
		{"duration with a strange unit", head + "spec:\n  maxRestartTime: 10x\n",
			`error unmarshaling JSON: while decoding JSON: time: unknown unit "x" in duration "10x"; write it with its unit, such as 120s or 2m (document 1, line 6, BGPPeer(rack1), spec.maxRestartTime = '10x')`},
		{"duration without unit", head + "spec:\n  keepaliveTime: 10\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field BGPPeerSpec.spec.keepaliveTime of type string: 10 is no duration; write it with its unit, such as 120s or 2m (document 1, line 6, BGPPeer(rack1), spec.keepaliveTime = '10')`},
		{"uint8 overflow", head + "spec:\n  ttlSecurity: 256\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number 256 into Go struct field BGPPeerSpec.spec.ttlSecurity of type uint8; write a whole number from 0 to 255 (document 1, line 6, BGPPeer(rack1), spec.ttlSecurity = '256')`},
		{"uint16 overflow", strings.Replace(head, "BGPPeer", "BGPConfiguration", 1) + "spec:\n  listenPort: 70000\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number 70000 into Go struct field BGPConfigurationSpec.spec.listenPort of type uint16; write a whole number from 0 to 65535 (document 1, line 6, BGPConfiguration(rack1), spec.listenPort = '70000')`},
		{"fraction", head + "spec:\n  numAllowedLocalASNumbers: 1.5\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number 1.5 into Go struct field BGPPeerSpec.spec.numAllowedLocalASNumbers of type int32; write a whole number (document 1, line 6, BGPPeer(rack1), spec.numAllowedLocalASNumbers = '1.5')`},
		{"bool in words", head + "spec:\n  keepOriginalNextHop: maybe\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field BGPPeerSpec.spec.keepOriginalNextHop of type bool; write true or false (document 1, line 6, BGPPeer(rack1), spec.keepOriginalNextHop = 'maybe')`},
		{"text instead of a list", head + "spec:\n  filters: only-pools\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field BGPPeerSpec.spec.filters of type []string; write a list, each entry on a line that starts with a dash (document 1, line 6, BGPPeer(rack1), spec.filters = 'only-pools')`},
		{"object instead of a list", strings.Replace(head, "BGPPeer", "BGPFilter", 1) + "spec:\n  exportV4:\n    action: Accept\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go struct field BGPFilterSpec.spec.exportV4 of type []resources.BGPFilterRule; write a list, each entry on a line that starts with a dash (document 1, line 6, BGPFilter(rack1), spec.exportV4)`},
		{"empty list entry", head + "spec:\n  filters:\n  -\n",
			`the list entry is empty; fill it or remove its dash (document 1, line 7, BGPPeer(rack1), spec.filters[0])`},
		{"text instead of an object", head + "spec: 192.0.2.1\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field BGPPeer.spec of type resources.BGPPeerSpec; fields belong here, each on a line: node, nodeSelector, peerIP, asNumber, localASNumber, peerSelector, keepOriginalNextHop, nextHopMode, password, sourceAddress, maxRestartTime, keepaliveTime, numAllowedLocalASNumbers, ttlSecurity, reachableBy, filters, localWorkloadSelector, reversePeering (document 1, line 5, BGPPeer(rack1), spec = '192.0.2.1')`},
		{"list instead of a text", head + "spec:\n  node: [a, b]\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field BGPPeerSpec.spec.node of type string; write a single text (document 1, line 6, BGPPeer(rack1), spec.node)`},
		{"number that YAML changes", strings.Replace(head, "rack1", "010", 1),
			`YAML reads this as the number 8; write it in quotes (document 1, line 4, BGPPeer(010), metadata.name = '010')`},
		{"label that YAML changes", head + "  labels:\n    example.com/rack: 1.10\n",
			`YAML reads this as the number 1.1; write it in quotes (document 1, line 6, BGPPeer(rack1), metadata.labels[example.com/rack] = '1.10')`},
		{"time", head + "  creationTimestamp: yesterday\n",
			`error unmarshaling JSON: while decoding JSON: no time: write it as in 2026-01-31T12:00:00Z (document 1, line 5, BGPPeer(rack1), metadata.creationTimestamp = 'yesterday')`},
		{"not YAML", "kind: BGPPeer\nspec: a: b\n",
			`error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context (document 1, line 2)`},
		{"tab", "kind: BGPPeer\nmetadata:\n\tname: a\n",
			`error converting YAML to JSON: yaml: line 3: found character that cannot start any token; YAML is indented with blanks, not with tabs (document 1, line 3)`},
		{"second document not YAML", head + "---\nkind: BGPPeer\nspec: {\n",
			`error converting YAML to JSON: yaml: line 7: did not find expected node content (document 2, line 7)`},
		{"no kind", "apiVersion: projectcalico.org/v3\nmetadata:\n  name: a\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go value of type []unstructured.Unstructured; the field kind is missing, write one of BGPConfiguration, BGPFilter, BGPPeer, BlockAffinity, ClusterInformation, IPPool, Node, Secret (document 1, line 1)`},
		{"a text", "hello\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type []unstructured.Unstructured; a resource has the fields apiVersion, kind, metadata and spec (document 1, line 1)`},
		{"a number in a list", "- 1\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go value of type []unstructured.Unstructured; a resource has the fields apiVersion, kind, metadata and spec (document 1, line 1)`},
		{"unknown version", "apiVersion: v7\nkind: BGPPeer\n",
			`unknown resource type (BGPPeer) and/or version (v7); a BGPPeer has apiVersion: projectcalico.org/v3 (document 1, line 1)`},
		{"CRD version", "apiVersion: crd.projectcalico.org/v1\nkind: BGPPeer\n",
			`unknown resource type (BGPPeer) and/or version (crd.projectcalico.org/v1); a BGPPeer has apiVersion: projectcalico.org/v3 (document 1, line 1)`},
		{"no version", "kind: BGPPeer\n",
			`unknown resource type (BGPPeer) and/or version (); a BGPPeer has apiVersion: projectcalico.org/v3 (document 1, line 1)`},
		{"kind in lower case", "apiVersion: projectcalico.org/v3\nkind: bgppeer\n",
			`unknown resource type (bgppeer) and/or version (projectcalico.org/v3); did you mean kind: BGPPeer? (document 1, line 1)`},
		{"short name as kind", "apiVersion: projectcalico.org/v3\nkind: ipp\n",
			`unknown resource type (ipp) and/or version (projectcalico.org/v3); did you mean kind: IPPool? (document 1, line 1)`},
		{"kind nobody knows", "apiVersion: projectcalico.org/v3\nkind: FelixConfiguration\n",
			`unknown resource type (FelixConfiguration) and/or version (projectcalico.org/v3); calctl knows BGPConfiguration, BGPFilter, BGPPeer, BlockAffinity, ClusterInformation, IPPool, Node, Secret (document 1, line 1)`},
		{"list of what nobody knows", "apiVersion: projectcalico.org/v3\nkind: ProfileList\nitems: []\n",
			`unknown resource type (ProfileList) and/or version (projectcalico.org/v3); calctl knows BGPConfiguration, BGPFilter, BGPPeer, BlockAffinity, ClusterInformation, IPPool, Node, Secret (document 1, line 1)`},
		{"list with a strange field", "apiVersion: projectcalico.org/v3\nkind: BGPPeerList\nitem: []\n",
			`field in document is not recognized or is in the wrong location: item (document 1, line 3, item)`},
		{"list without a list", "apiVersion: v1\nkind: List\nitems: 3\n",
			`items must be a list of resources (document 1, line 3, items = '3')`},
		{"fault in a list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: projectcalico.org/v3\n  kind: BGPPeer\n  metadata: {name: a}\n  spec:\n    peerip: 192.0.2.1\n",
			`field in document is not recognized or is in the wrong location: peerip; did you mean peerIP? (document 1, line 8, BGPPeer(a), spec.peerip = '192.0.2.1')`},
		{"fault in JSON", "{\"apiVersion\": \"projectcalico.org/v3\", \"kind\": \"BGPPeer\",\n\"metadata\": {\"name\": \"a\"},\n\"spec\": {\"ttlSecurity\": -1}}",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number -1 into Go struct field BGPPeerSpec.spec.ttlSecurity of type uint8; write a whole number from 0 to 255 (document 1, line 3, BGPPeer(a), spec.ttlSecurity = '-1')`},
		{"fault in the second JSON object", "{\"kind\": \"List\", \"apiVersion\": \"v1\"}\n{\"kind\":\n3}",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go value of type []unstructured.Unstructured; the field kind is missing, write one of BGPConfiguration, BGPFilter, BGPPeer, BlockAffinity, ClusterInformation, IPPool, Node, Secret (document 2, line 2)`},
		{"UTF-16", "\xff\xfek\x00i\x00",
			`the text is UTF-16; save it as UTF-8 (document 1, line 1)`},
		{"control characters", head + "spec:\n  \"no\\e[1m\\nde\": \"\\x07\"\n",
			`field in document is not recognized or is in the wrong location: no\x1b[1m\nde (document 1, line 6, BGPPeer(rack1), spec[no\x1b[1m\nde] = '\a')`},
		{"secret value not base64", secretHead + "data:\n  rack1: hunter2!\n",
			`the value is not base64; to write it as plain text, put it under stringData (document 1, line 6, Secret(pw), data.rack1)`},
		{"secret value a number", secretHead + "stringData:\n  rack1: 007\n",
			`YAML does not read the value as text; write it in quotes (document 1, line 6, Secret(pw), stringData.rack1)`},
		{"secret field misspelt", secretHead + "stringdata:\n  rack1: hunter2\n",
			`field in document is not recognized or is in the wrong location: stringdata; did you mean stringData? (document 1, line 5, Secret(pw), stringdata)`},
		{"secret value at the wrong place", secretHead + "rack1: hunter2\n",
			`field in document is not recognized or is in the wrong location: rack1 (document 1, line 5, Secret(pw), rack1)`},
		{"secret as a list", secretHead + "data: [hunter2]\n",
			`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field Secret.data of type map[string][]uint8; write pairs, key: value, each on a line (document 1, line 5, Secret(pw), data)`},
		{"secret that looks like an anchor", secretHead + "stringData:\n  rack1: *hunter2\n",
			`error converting YAML to JSON: yaml: unknown anchor *** referenced (document 1, line 1)`},
		{"secret that looks like a tag", secretHead + "stringData:\n  rack1: !!int hunter2\n",
			`error converting YAML to JSON: yaml: cannot decode !!str *** as a !!int (document 1, line 1)`},
	} {
		_, err := resources.Decode(strings.NewReader(tt.in))
		got := fmt.Sprint(err)
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: the error tells the secret", tt.name)
		}
	}
}

func TestDecode(t *testing.T) {
	const (
		node = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata:\n  name: "
		json = `{"apiVersion": "projectcalico.org/v3", "kind": "Node", "metadata": {"name": "`
	)
	for _, tt := range []struct {
		name, in string
		want     []string // document, line and key
	}{
		{"nothing", "", nil},
		{"blank", "\n \n\t\n", nil},
		{"comments", "# nothing\n---\n# here\n...\n", nil},
		{"one", node + "a\n", []string{"1 1 Node(a)"}},
		{"no end of line", node + "a", []string{"1 1 Node(a)"}},
		{"leading separator", "---\n" + node + "a\n---\n", []string{"1 2 Node(a)"}},
		{"leading comment", "# two nodes\n\n---\n" + node + "a\n--- # and\n" + node + "b\n---\n\n", []string{"1 4 Node(a)", "2 9 Node(b)"}},
		{"end marks", node + "a\n...\n---\n" + node + "b\n...\n", []string{"1 1 Node(a)", "2 7 Node(b)"}},
		{"a line of dashes", node + "a\n----------\n" + node + "b\n", []string{"1 1 Node(a)", "2 6 Node(b)"}},
		{"content beside the separator", "--- " + json + "a\"}}\n--- " + json + "b\"}}\n", []string{"1 1 Node(a)", "2 2 Node(b)"}},
		{"directive", "%YAML 1.1\n---\n" + node + "a\n", []string{"1 3 Node(a)"}},
		{"CRLF", strings.ReplaceAll("---\n"+node+"a\n---\n"+node+"b\n", "\n", "\r\n"), []string{"1 2 Node(a)", "2 7 Node(b)"}},
		{"byte order mark", "\xef\xbb\xbf" + node + "a\n", []string{"1 1 Node(a)"}},
		{"JSON", json + `a"}}`, []string{"1 1 Node(a)"}},
		{"JSON on several lines", "{\n\t\"apiVersion\": \"projectcalico.org\\/v3\",\n\t\"kind\": \"Node\",\n\t\"metadata\": {\"name\": \"a\"}\n}\n", []string{"1 1 Node(a)"}},
		{"JSON one after the other", json + "a\"}}\n\n" + json + `b"}} ` + json + `c"}}`, []string{"1 1 Node(a)", "2 3 Node(b)", "3 3 Node(c)"}},
		{"JSON and YAML", json + "a\"}}\n---\n" + node + "b\n", []string{"1 1 Node(a)", "2 3 Node(b)"}},
		{"JSON array", "[" + json + "a\"}},\n" + json + `b"}}]`, []string{"1 1 Node(a)", "1 2 Node(b)"}},
		{"braces that are not JSON", "{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: a}}", []string{"1 1 Node(a)"}},
		{"sequence", "- apiVersion: projectcalico.org/v3\n  kind: Node\n  metadata: {name: a}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n", []string{"1 1 Node(a)", "1 4 Secret(b)"}},
		{"empty sequence", "[]\n", nil},
		{"typed list", "apiVersion: projectcalico.org/v3\nkind: NodeList\nmetadata:\n  resourceVersion: '5'\nitems:\n- metadata: {name: a}\n- apiVersion: projectcalico.org/v3\n  kind: Node\n  metadata: {name: b}\n", []string{"1 6 Node(a)", "1 7 Node(b)"}},
		{"empty typed list", "apiVersion: projectcalico.org/v3\nkind: NodeList\nitems: []\n", nil},
		{"generic list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: projectcalico.org/v3\n  kind: Node\n  metadata: {name: a}\n- apiVersion: projectcalico.org/v3\n  kind: BGPPeerList\n  items:\n  - metadata: {name: b}\n", []string{"1 4 Node(a)", "1 10 BGPPeer(b)"}},
		{"what kubectl adds", node + "a\n  generation: 3\n  selfLink: /x\n  managedFields: [{manager: kubectl}]\n  ownerReferences: []\n  creationTimestamp: null\nspec: {}\nstatus: {}\n", []string{"1 1 Node(a)"}},
		{"anchors", "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: &m\n  name: a\n---\nkind: BGPPeerList\napiVersion: projectcalico.org/v3\nitems:\n- metadata: {name: b}\n  spec: &spec {peerIP: 192.0.2.1}\n- metadata: {name: c}\n  spec: {<<: *spec, asNumber: 1}\n", []string{"1 1 Node(a)", "2 9 BGPPeer(b)", "2 11 BGPPeer(c)"}},
		{"numbers as names", node + "42\n", []string{"1 1 Node(42)"}},
		{"empty blocks", node + "a\n  labels:\n  annotations: {x: }\nspec:\n", []string{"1 1 Node(a)"}},
	} {
		docs, err := resources.Decode(strings.NewReader(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var got []string
		for _, d := range docs {
			got = append(got, fmt.Sprint(d.Index, " ", d.Line, " ", resources.KeyOf(d.Resource)))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestDecodeValues(t *testing.T) {
	r := decodeOne(t, head+`  labels: {a: yes, b: 42, c: true, d: "010", e: 2001-01-01}
spec:
  asNumber: "1.10"
  localASNumber: 0
  peerIP: 192.0.2.1
  maxRestartTime: 90s
  ttlSecurity: 0
`).(*resources.BGPPeer)
	want := map[string]string{"a": "true", "b": "42", "c": "true", "d": "010", "e": "2001-01-01"}
	if diff := cmp.Diff(want, r.Labels); diff != "" {
		t.Errorf("labels are not what calicoctl reads (-want +got):\n%s", diff)
	}
	if r.Spec.ASNumber != 65546 {
		t.Errorf("asNumber 1.10 is %d, want 65546", r.Spec.ASNumber)
	}
	if r.Spec.LocalASNumber == nil || r.Spec.TTLSecurity == nil {
		t.Error("a zero that is written down got lost")
	}
	if got := r.Spec.MaxRestartTime.String(); got != "1m30s" {
		t.Errorf("maxRestartTime is %s, want 1m30s", got)
	}
}

// TestDecodeReportsEveryDocument: the good ones come back with the error.
func TestDecodeReportsEveryDocument(t *testing.T) {
	in := head + "spec: {peerIPs: a}\n---\n" + head + "---\nkind: x\n"
	docs, err := resources.Decode(strings.NewReader(in))
	if len(docs) != 1 || docs[0].Index != 2 {
		t.Errorf("got the documents %v, want the second", docs)
	}
	var all resources.DecodeErrors
	if !errors.As(err, &all) || len(all) != 2 {
		t.Fatalf("got %v, want two errors", err)
	}
	want := []string{
		"field in document is not recognized or is in the wrong location: peerIPs; did you mean peerIP? (rack1.yaml:5, BGPPeer(rack1), spec.peerIPs = 'a')",
		"unknown resource type (x) and/or version (); calctl knows BGPConfiguration, BGPFilter, BGPPeer, BlockAffinity, ClusterInformation, IPPool, Node, Secret (rack1.yaml:12)",
	}
	if diff := cmp.Diff(want, all.Faults("rack1.yaml")); diff != "" {
		t.Errorf("faults with a file name (-want +got):\n%s", diff)
	}
	var first *resources.DecodeError
	if !errors.As(err, &first) || first.Document != 1 || first.Line != 5 || first.Key.Name != "rack1" || first.Fields[0].Path != "spec.peerIPs" {
		t.Errorf("the first error is %+v", first)
	}
}

func TestDocumentLineOf(t *testing.T) {
	docs, err := resources.Decode(strings.NewReader("---\n" + `apiVersion: v1
kind: List
items:
- apiVersion: projectcalico.org/v3
  kind: BGPFilter
  metadata:
    name: a
    labels:
      example.com/rack: r1
  spec:
    exportV4:
    - action: Accept
    - action: Reject
      cidr: 10.0.0.0/8
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"":                                  5,
		"kind":                              6,
		"spec":                              11,
		"spec.exportV4":                     12,
		"spec.exportV4[0]":                  13,
		"spec.exportV4[1].cidr":             15,
		"spec.exportV4[1].matchOperator":    14, // is not there: its rule is
		"spec.importV4[3].cidr":             11,
		"metadata.labels[example.com/rack]": 10,
	} {
		if got := docs[0].LineOf(path); got != want {
			t.Errorf("LineOf(%q) is %d, want %d", path, got, want)
		}
	}
}

func TestDecodeLimitsDocuments(t *testing.T) {
	for _, in := range []io.Reader{
		strings.NewReader(head + "---\n# " + strings.Repeat("x", 10<<20) + "\n"),
		strings.NewReader(head + "---\n" + strings.Repeat("# x\n", 10<<18+1)),
	} {
		_, err := resources.Decode(in)
		want := "the document is larger than 10 MB; is this the right file? (document 2, line 6)"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestDecodePassesReadErrorsOn(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := resources.Decode(io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// TestDecodeSurvivesBombs: text that grows when it is read must not.
func TestDecodeSurvivesBombs(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 9), ","))
	}
	for name, in := range map[string]string{
		"aliases": bomb,
		"braces":  strings.Repeat("{", 1e6),
		"arrays":  strings.Repeat("[", 1e6) + strings.Repeat("]", 1e6),
		"lists":   strings.Repeat(`{"kind":"List","apiVersion":"v1","items":[`, 3000) + strings.Repeat("]}", 3000),
	} {
		if _, err := resources.Decode(strings.NewReader(in)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
