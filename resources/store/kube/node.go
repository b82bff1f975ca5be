package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/calctl/calctl/resources"
)

// coreNode is what calctl reads of a Node of Kubernetes.
type coreNode struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		PodCIDR  string   `json:"podCIDR"`
		PodCIDRs []string `json:"podCIDRs"`
	} `json:"spec"`
	Status struct {
		Addresses []resources.NodeAddress `json:"addresses"`
	} `json:"status"`
}

// The annotations of a Node in which Calico keeps what Kubernetes has no field for.
const (
	ours           = "projectcalico.org/"
	noteInterfaces = ours + "Interfaces"  // JSON, a list
	noteLabels     = ours + "labels"      // JSON: labels that Kubernetes doesn't have
	noteOthers     = ours + "annotations" // JSON: annotations of the Calico Node
	noteASN        = ours + "ASNumber"    // decimal

	// kubeLabels is an annotation which calicoctl adds to what it prints, so that it knows
	// later which labels are Kubernetes' own. It is never stored.
	kubeLabels = ours + "kube-labels"
)

// orchestrator is the only one that a Node of Kubernetes is of.
const orchestrator = "k8s"

// The types of a node's addresses: the first is what the node has from Calico.
const (
	calicoNodeIP = "CalicoNodeIP"
	internalIP   = "InternalIP"
	externalIP   = "ExternalIP"
)

// plainNotes are the annotations that are fields as they are. The node has BGP and
// Wireguard, empty as they may be.
func plainNotes(n *resources.Node) map[string]*string {
	s, bgp := &n.Spec, n.Spec.BGP
	return map[string]*string{
		ours + "IPv4Address":             &bgp.IPv4Address,
		ours + "IPv6Address":             &bgp.IPv6Address,
		ours + "RouteReflectorClusterID": &bgp.RouteReflectorClusterID,
		ours + "IPv4IPIPTunnelAddr":      &bgp.IPv4IPIPTunnelAddr,
		ours + "IPv4VXLANTunnelAddr":     &s.IPv4VXLANTunnelAddr,
		ours + "VXLANTunnelMACAddr":      &s.VXLANTunnelMACAddr,
		ours + "IPv6VXLANTunnelAddr":     &s.IPv6VXLANTunnelAddr,
		ours + "VXLANTunnelMACAddrV6":    &s.VXLANTunnelMACAddrV6,

		ours + "IPv4WireguardInterfaceAddr": &s.Wireguard.InterfaceIPv4Address,
		ours + "IPv6WireguardInterfaceAddr": &s.Wireguard.InterfaceIPv6Address,
	}
}

// readNode makes Calico's Node of one of Kubernetes.
func readNode(k *coreNode) (*resources.Node, error) {
	m := &k.Metadata
	n := &resources.Node{Metadata: resources.Metadata{Name: m.Name, UID: m.UID, CreationTimestamp: m.CreationTimestamp}}
	n.Spec.BGP, n.Spec.Wireguard = &resources.NodeBGPSpec{}, &resources.NodeWireguardSpec{}
	for note, field := range plainNotes(n) {
		*field = m.Annotations[note]
	}
	if text := m.Annotations[noteASN]; text != "" {
		asn, err := resources.ParseASN(text)
		if err != nil {
			return nil, fmt.Errorf("its annotation %s: %w", noteASN, err)
		}
		n.Spec.BGP.ASNumber = &asn
	}
	for note, field := range map[string]any{noteInterfaces: &n.Spec.Interfaces, noteLabels: &n.Labels, noteOthers: &n.Annotations} {
		if text := m.Annotations[note]; text != "" {
			if err := json.Unmarshal([]byte(text), field); err != nil {
				return nil, fmt.Errorf("its annotation %s: %w", note, err)
			}
		}
	}
	if len(m.Labels) > 0 && n.Labels == nil {
		n.Labels = map[string]string{}
	}
	maps.Copy(n.Labels, m.Labels) // Kubernetes wins
	n.Spec.OrchRefs = []resources.OrchRef{{NodeName: m.Name, Orchestrator: orchestrator}}
	n.Spec.Addresses = addressesOf(n.Spec.BGP, k)
	if *n.Spec.BGP == (resources.NodeBGPSpec{}) {
		n.Spec.BGP = nil
	}
	if *n.Spec.Wireguard == (resources.NodeWireguardSpec{}) {
		n.Spec.Wireguard = nil
	}
	n.Status.WireguardPublicKey = m.Annotations[ours+"WireguardPublicKey"]
	n.Status.WireguardPublicKeyV6 = m.Annotations[ours+"WireguardPublicKeyV6"]
	n.Status.PodCIDRs = k.Spec.PodCIDRs
	if len(n.Status.PodCIDRs) == 0 && k.Spec.PodCIDR != "" {
		n.Status.PodCIDRs = []string{k.Spec.PodCIDR}
	}
	n.Default()
	return n, nil
}

// addressesOf are the addresses that Calico and Kubernetes know.
func addressesOf(bgp *resources.NodeBGPSpec, k *coreNode) []resources.NodeAddress {
	var all []resources.NodeAddress
	for _, text := range []string{bgp.IPv4Address, bgp.IPv6Address} {
		if text != "" {
			all = append(all, resources.NodeAddress{Address: text, Type: calicoNodeIP})
		}
	}
	for _, a := range k.Status.Addresses {
		if a.Type == internalIP || a.Type == externalIP {
			all = append(all, a)
		}
	}
	return all
}

// writeNode makes the PATCH by which k, a Node of Kubernetes, becomes what n says: of
// Calico's annotations, where they change. It is nil when nothing does. What
// Kubernetes has to say can't be changed through Calico: an Invalid tells.
func writeNode(k *coreNode, n *resources.Node) ([]byte, error) {
	if err := writable(k, n); err != nil {
		return nil, err
	}
	want, err := notesOf(k, n)
	if err != nil {
		return nil, err
	}
	change := map[string]*string{} // nil removes
	for note, text := range want {
		have, has := k.Metadata.Annotations[note]
		switch {
		case text == "" && has && !slices.Contains([]string{"", "null", "{}", "[]"}, have):
			change[note] = nil
		case text != "" && (!has || !sameJSON(have, text)):
			change[note] = &text
		}
	}
	if len(change) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": k.Metadata.ResourceVersion, "annotations": change}})
}

// sameJSON tells whether two texts say the same, if they are JSON: map or list
// may be written in more than one way.
func sameJSON(a, b string) bool {
	var x, y any
	if a == b {
		return true
	}
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	one, _ := json.Marshal(x)
	other, _ := json.Marshal(y)
	return string(one) == string(other)
}

// writable is an Invalid for fields of n that are Kubernetes' own and say something else.
func writable(k *coreNode, n *resources.Node) error {
	var bad resources.Invalid
	for _, label := range slices.Sorted(maps.Keys(n.Labels)) {
		native, has := k.Metadata.Labels[label]
		if value := n.Labels[label]; has && value != native && value != stashed(n)[label] {
			bad.Add("metadata.labels."+label, value, fmt.Sprintf("Kubernetes has this label itself, with the value '%s', and its value counts; change it there: kubectl label node %s --overwrite %s=%s", native, n.Name, label, value))
		}
	}
	for i, ref := range n.Spec.OrchRefs {
		if ref != (resources.OrchRef{NodeName: n.Name, Orchestrator: orchestrator}) {
			bad.Add(fmt.Sprintf("spec.orchRefs[%d]", i), ref.Orchestrator+" "+ref.NodeName, "a Node in Kubernetes belongs to Kubernetes and has its name there; remove the entry")
		}
	}
	for i, a := range n.Spec.Addresses {
		if a.Type != calicoNodeIP && !slices.Contains(k.Status.Addresses, a) {
			bad.Add(fmt.Sprintf("spec.addresses[%d].address", i), a.Address, "Kubernetes itself knows the addresses of its nodes, and not this one; remove the entry")
		}
	}
	return bad.Err()
}

// stashed are the labels which were Kubernetes' own when calicoctl printed n.
func stashed(n *resources.Node) map[string]string {
	var labels map[string]string
	_ = json.Unmarshal([]byte(n.Annotations[kubeLabels]), &labels) // "null" for none
	return labels
}

// notesOf are the annotations that n is; "" is one that is not there.
func notesOf(k *coreNode, n *resources.Node) (map[string]string, error) {
	full := resources.Clone(n).(*resources.Node)
	if full.Spec.BGP == nil {
		full.Spec.BGP = &resources.NodeBGPSpec{}
	}
	if full.Spec.Wireguard == nil {
		full.Spec.Wireguard = &resources.NodeWireguardSpec{}
	}
	notes := map[string]string{noteASN: ""}
	for note, field := range plainNotes(full) {
		notes[note] = *field
	}
	if asn := full.Spec.BGP.ASNumber; asn != nil {
		notes[noteASN] = strconv.FormatUint(uint64(*asn), 10)
	}
	labels := maps.Clone(full.Labels)
	for label := range full.Labels {
		_, native := k.Metadata.Labels[label]
		if _, was := stashed(n)[label]; native || was {
			delete(labels, label)
		}
	}
	var had map[string]string
	_ = json.Unmarshal([]byte(k.Metadata.Annotations[noteLabels]), &had)
	for label, value := range had {
		if _, native := k.Metadata.Labels[label]; native { // nobody sees it, so nobody has said anything about it
			if labels == nil {
				labels = map[string]string{}
			}
			labels[label] = value
		}
	}
	delete(full.Annotations, kubeLabels)
	for _, list := range []struct {
		note  string
		value any
		size  int
	}{
		{noteInterfaces, full.Spec.Interfaces, len(full.Spec.Interfaces)},
		{noteLabels, labels, len(labels)},
		{noteOthers, full.Annotations, len(full.Annotations)},
	} {
		notes[list.note] = ""
		if list.size == 0 {
			continue
		}
		text, err := json.Marshal(list.value)
		if err != nil {
			return nil, err
		}
		notes[list.note] = string(text)
	}
	return notes, nil
}
