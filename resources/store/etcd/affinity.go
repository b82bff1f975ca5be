package etcd

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/calctl/calctl/resources"
)

// blocks is where Calico's IPAM says which host has which blocks:
//
//	/calico/ipam/v2/host/node-1/ipv4/block/10.0.0.0-26
//	{"state":"confirmed"}
const blocks = "/calico/ipam/v2/host/"

// affinityKey makes the key of a BlockAffinity of a key of IPAM's. Its name is the
// one that Calico gives it in Kubernetes: node-1-10-0-0-0-26.
func affinityKey(place string) (key resources.Key, ok bool) {
	host, cidr, ok := affinityAt(place)
	if !ok {
		return key, false
	}
	plain := strings.NewReplacer(".", "-", ":", "-", "/", "-")
	return resources.Key{Kind: resources.KindBlockAffinity, Name: host + "-" + plain.Replace(cidr)}, true
}

// affinityAt says whose block a key of IPAM's is about.
func affinityAt(place string) (host, cidr string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(place, blocks), "/")
	if len(parts) != 4 || parts[0] == "" || parts[1] != "ipv4" && parts[1] != "ipv6" || parts[2] != "block" {
		return "", "", false
	}
	i := strings.LastIndexByte(parts[3], '-')
	if i < 0 {
		return "", "", false
	}
	cidr = parts[3][:i] + "/" + parts[3][i+1:]
	_, err := netip.ParsePrefix(cidr)
	return parts[0], cidr, err == nil
}

// affinityText makes what IPAM has stored the text of a BlockAffinity. What can't be
// read stays as it is, for whoever decodes it to complain.
func affinityText(key resources.Key, place string, value []byte) string {
	var v struct {
		State   string         `json:"state"`
		Type    string         `json:"type"`
		Deleted resources.Flag `json:"deleted"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return string(value)
	}
	r := &resources.BlockAffinity{}
	r.Name = key.Name
	r.Spec = resources.BlockAffinitySpec{State: v.State, Type: v.Type, Deleted: v.Deleted}
	r.Spec.Node, r.Spec.CIDR, _ = affinityAt(place)
	r.Default()
	text, err := resources.EncodeStored(r, nil)
	if err != nil {
		return string(value)
	}
	return string(text)
}
