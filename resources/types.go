package resources

import "strings"

// A Type describes a kind of resource to the command line and to datastores.
type Type struct {
	Kind       Kind
	APIVersion string
	Plural     string   // lower case, the name of its folder and of its key in etcd
	Aliases    []string // further names users may type, lower case
	New        func() Resource
}

// Types are all kinds of resource, in the order in which a datastore that
// holds none of them should get them: what is referred to comes first.
func Types() []Type { return types }

var types = []Type{
	{KindSecret, "v1", "secrets", []string{"secret"}, func() Resource { return new(Secret) }},
	{KindBGPConfiguration, APIVersion, "bgpconfigurations", []string{"bgpconfiguration", "bgpconfig", "bgpconfigs"}, func() Resource { return new(BGPConfiguration) }},
	{KindIPPool, APIVersion, "ippools", []string{"ippool", "ipp", "ipps", "pool", "pools"}, func() Resource { return new(IPPool) }},
	{KindBGPFilter, APIVersion, "bgpfilters", []string{"bgpfilter", "bgpf", "bgpfs", "bf", "bfs"}, func() Resource { return new(BGPFilter) }},
	{KindNode, APIVersion, "nodes", []string{"node", "no", "nos"}, func() Resource { return new(Node) }},
	{KindBGPPeer, APIVersion, "bgppeers", []string{"bgppeer", "bgpp", "bgpps", "bp", "bps"}, func() Resource { return new(BGPPeer) }},
	{KindBlockAffinity, APIVersion, "blockaffinities", []string{"blockaffinity"}, func() Resource { return new(BlockAffinity) }},
	{KindClusterInformation, APIVersion, "clusterinformations", []string{"clusterinformation", "clusterinfo", "clusterinfos"}, func() Resource { return new(ClusterInformation) }},
}

// TypeOf returns the Type of a kind calctl knows; it panics for any other.
func TypeOf(k Kind) Type {
	for _, t := range types {
		if t.Kind == k {
			return t
		}
	}
	panic("resources: no such kind: " + string(k))
}

// Lookup finds a Type by any name a user may type for it, in any case:
// BGPPeer, bgppeers, bgpp.
func Lookup(word string) (Type, bool) {
	word = strings.ToLower(word)
	for _, t := range types {
		if word == t.Plural {
			return t, true
		}
		for _, a := range t.Aliases {
			if word == a {
				return t, true
			}
		}
	}
	return Type{}, false
}
