package intent

import (
	"maps"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
)

type configSpec = resources.BGPConfigurationSpec

// clusterOnly are the fields of which a BGPConfiguration for one node has no say,
// although it may have them.
var clusterOnly = []struct {
	field string
	set   func(*configSpec) bool
}{
	{"bindMode", func(s *configSpec) bool { return s.BindMode != nil }},
	{"ignoredInterfaces", func(s *configSpec) bool { return len(s.IgnoredInterfaces) > 0 }},
	{"serviceLoadBalancerAggregation", func(s *configSpec) bool { // a default says Enabled
		return s.ServiceLoadBalancerAggregation != nil && *s.ServiceLoadBalancerAggregation == "Disabled"
	}},
	{"programClusterRoutes", func(s *configSpec) bool { return s.ProgramClusterRoutes != nil }},
	{"ipv4NormalRoutePriority", func(s *configSpec) bool { return s.IPv4NormalRoutePriority != nil }},
	{"ipv6NormalRoutePriority", func(s *configSpec) bool { return s.IPv6NormalRoutePriority != nil }},
}

// unheard tells about BGPConfigurations, the cluster's and this node's, that ask
// for something in vain.
func (d *derivation) unheard() {
	for _, name := range slices.Sorted(maps.Keys(d.snap.Configs)) {
		key := resources.Key{Kind: resources.KindBGPConfiguration, Name: name}
		node, own := strings.CutPrefix(name, perNode)
		switch {
		case name != globalName && !own:
			d.about(key, "has no effect; those named default and node.NODE have")
		case own && node == d.self.name:
			for _, f := range clusterOnly {
				if f.set(&d.snap.Configs[name].Spec) {
					d.about(key, "spec.%s has no effect for one node; move it to BGPConfiguration(default)", f.field)
				}
			}
		}
	}
}
