package intent

import (
	"strings"

	"github.com/calctl/calctl/resources"
)

// A missing feature is a field of Calico's that calctl does not act upon yet.
// When one is built, its line goes.
type missing[Spec any] struct {
	field string
	asked func(*Spec) bool
	// unsafe says what would be wrong with a session that goes without. Such a
	// session is not started. Empty: it is started, without.
	unsafe string
}

var peerNotYet = []missing[resources.BGPPeerSpec]{
	{"spec.filters", func(s *resources.BGPPeerSpec) bool { return len(s.Filters) > 0 }, "more routes would come in or go out than the filters permit"},
	{"spec.ttlSecurity", func(s *resources.BGPPeerSpec) bool { return s.TTLSecurity != nil && *s.TTLSecurity > 0 }, "anyone who reaches the port could speak to it"},
	{"spec.localASNumber", func(s *resources.BGPPeerSpec) bool { return s.LocalASNumber != nil }, "the router would see an AS number it does not expect"},
	{"spec.numAllowedLocalASNumbers", func(s *resources.BGPPeerSpec) bool {
		return s.NumAllowedLocalASNumbers != nil && *s.NumAllowedLocalASNumbers > 0
	}, ""},
	{"spec.keepOriginalNextHop", func(s *resources.BGPPeerSpec) bool { return s.KeepOriginalNextHop }, ""},
	{"spec.nextHopMode", func(s *resources.BGPPeerSpec) bool { return s.NextHopMode != nil && *s.NextHopMode != "Auto" }, ""},
	{"spec.reachableBy", func(s *resources.BGPPeerSpec) bool { return s.ReachableBy != "" }, ""},
	{"spec.keepaliveTime", func(s *resources.BGPPeerSpec) bool { return s.KeepaliveTime != nil }, ""},
	{"spec.maxRestartTime", func(s *resources.BGPPeerSpec) bool { return s.MaxRestartTime != nil }, ""},
}

const workloadsNotYet = "spec.localWorkloadSelector is not acted upon: calctl does not know the workloads of a node, so there is nobody to peer with"

var globalNotYet = []missing[resources.BGPConfigurationSpec]{
	{"spec.bindMode", func(s *resources.BGPConfigurationSpec) bool { return s.BindMode != nil && *s.BindMode == "NodeIP" }, ""},
	{"spec.nodeMeshMaxRestartTime", func(s *resources.BGPConfigurationSpec) bool { return s.NodeMeshMaxRestartTime != nil }, ""},
	{"spec.serviceClusterIPs", func(s *resources.BGPConfigurationSpec) bool { return len(s.ServiceClusterIPs) > 0 }, ""},
	{"spec.serviceExternalIPs", func(s *resources.BGPConfigurationSpec) bool { return len(s.ServiceExternalIPs) > 0 }, ""},
	{"spec.serviceLoadBalancerIPs", func(s *resources.BGPConfigurationSpec) bool { return len(s.ServiceLoadBalancerIPs) > 0 }, ""},
	{"spec.programClusterRoutes", func(s *resources.BGPConfigurationSpec) bool {
		return s.ProgramClusterRoutes != nil && *s.ProgramClusterRoutes != "Enabled"
	}, ""},
	{"spec.ipv4NormalRoutePriority", func(s *resources.BGPConfigurationSpec) bool { return otherPriority(s.IPv4NormalRoutePriority) }, ""},
	{"spec.ipv6NormalRoutePriority", func(s *resources.BGPConfigurationSpec) bool { return otherPriority(s.IPv6NormalRoutePriority) }, ""},
	prefixAdvertisementsNotYet,
	logSeverityNotYet,
}

// ownNotYet are the fields of which a BGPConfiguration for one node has a say.
var ownNotYet = []missing[resources.BGPConfigurationSpec]{prefixAdvertisementsNotYet, logSeverityNotYet}

var (
	prefixAdvertisementsNotYet = missing[resources.BGPConfigurationSpec]{
		"spec.prefixAdvertisements", func(s *resources.BGPConfigurationSpec) bool { return len(s.PrefixAdvertisements) > 0 }, "",
	}
	logSeverityNotYet = missing[resources.BGPConfigurationSpec]{
		"spec.logSeverityScreen", func(s *resources.BGPConfigurationSpec) bool {
			return s.LogSeverityScreen != "" && !strings.EqualFold(s.LogSeverityScreen, "Info")
		}, "",
	}
)

var nodeNotYet = []missing[resources.NodeSpec]{
	{"spec.bgp.routeReflectorClusterID", func(s *resources.NodeSpec) bool { return s.BGP.RouteReflectorClusterID != "" }, ""},
}

// otherPriority reports whether a metric is asked for which is not Calico's default.
func otherPriority(p *int) bool { return p != nil && *p != 1024 }

// notYet tells about the fields of one resource that are not acted upon, and
// reports whether a session must not be started for one of them.
func notYet[Spec any](p *problems, key resources.Key, spec *Spec, table []missing[Spec]) (refused bool) {
	for _, m := range table {
		switch {
		case !m.asked(spec):
		case m.unsafe == "":
			p.about(key, "%s is not acted upon yet", m.field)
		default:
			p.about(key, "%s is not acted upon yet, so the session is not started: %s", m.field, m.unsafe)
			refused = true
		}
	}
	return refused
}

// ownSettings tells about what this node's own resources ask for in vain.
func (d *derivation) ownSettings() {
	key := resources.Key{Kind: resources.KindBGPConfiguration, Name: globalName}
	notYet(&d.problems, key, &d.global, globalNotYet)
	key.Name = perNode + d.self.name
	if own := d.snap.Configs[key.Name]; own != nil {
		notYet(&d.problems, key, &own.Spec, ownNotYet)
	}
	notYet(&d.problems, d.self.key(), &d.snap.Nodes[d.self.name].Spec, nodeNotYet)
}
