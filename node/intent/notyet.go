package intent

import (
	"strings"

	"github.com/calctl/calctl/resources"
)

// A missing feature is a field of Calico's that calctl does not act upon yet.
// When one is built, its line goes.
type missing[Spec any] struct {
	field   string
	asked   func(*Spec) bool
	without string // what it is like without
	// unsafe says that a session had better not be than be without: more could
	// come in, go out or get at it than was asked for, or it could not work.
	unsafe bool
}

type (
	peerSpec   = resources.BGPPeerSpec
	configSpec = resources.BGPConfigurationSpec
)

var peerNotYet = []missing[peerSpec]{
	{"ttlSecurity", func(s *peerSpec) bool { return s.TTLSecurity != nil && *s.TTLSecurity > 0 }, "it would take packets from any distance", true},
	{"localASNumber", func(s *peerSpec) bool { return s.LocalASNumber != nil }, "the router would see an AS number it does not expect", true},
	{"numAllowedLocalASNumbers", func(s *peerSpec) bool { return s.NumAllowedLocalASNumbers != nil && *s.NumAllowedLocalASNumbers > 0 }, "routes with our AS in their path are refused", false},
	{"keepOriginalNextHop", func(s *peerSpec) bool { return s.KeepOriginalNextHop }, "next hops are those of Auto", false},
	{"nextHopMode", func(s *peerSpec) bool { return s.NextHopMode != nil && *s.NextHopMode != "Auto" }, "next hops are those of Auto", false},
	{"reachableBy", func(s *peerSpec) bool { return s.ReachableBy != "" }, "the router is reached by the routes the kernel has", false},
	{"keepaliveTime", func(s *peerSpec) bool { return s.KeepaliveTime != nil }, "keepalives come at the usual pace", false},
	{"maxRestartTime", func(s *peerSpec) bool { return s.MaxRestartTime != nil }, "the restart time is the usual one", false},
}

const workloadsNotYet = "spec.localWorkloadSelector is not acted upon, so no session is started: calctl does not know the workloads of a node"

var globalNotYet = []missing[configSpec]{
	{"bindMode", func(s *configSpec) bool { return s.BindMode != nil && *s.BindMode == "NodeIP" }, "the node listens on every address", false},
	{"nodeMeshMaxRestartTime", func(s *configSpec) bool { return s.NodeMeshMaxRestartTime != nil }, "the restart time is the usual one", false},
	{"serviceClusterIPs", func(s *configSpec) bool { return len(s.ServiceClusterIPs) > 0 }, "peers are not told about them", false},
	{"serviceExternalIPs", func(s *configSpec) bool { return len(s.ServiceExternalIPs) > 0 }, "peers are not told about them", false},
	{"serviceLoadBalancerIPs", func(s *configSpec) bool { return len(s.ServiceLoadBalancerIPs) > 0 }, "peers are not told about them", false},
	{"programClusterRoutes", func(s *configSpec) bool { return s.ProgramClusterRoutes != nil && *s.ProgramClusterRoutes != "Enabled" }, "the kernel gets the routes of all pools", false},
	{"ipv4NormalRoutePriority", func(s *configSpec) bool { return otherPriority(s.IPv4NormalRoutePriority) }, "routes have the usual metric", false},
	{"ipv6NormalRoutePriority", func(s *configSpec) bool { return otherPriority(s.IPv6NormalRoutePriority) }, "routes have the usual metric", false},
	logSeverityNotYet,
}

// ownNotYet are the fields of which a BGPConfiguration for one node has a say.
var ownNotYet = []missing[configSpec]{logSeverityNotYet}

var logSeverityNotYet = missing[configSpec]{
	"logSeverityScreen", func(s *configSpec) bool {
		return s.LogSeverityScreen != "" && !strings.EqualFold(s.LogSeverityScreen, "Info")
	}, "the log is what calctl node run was started with", false,
}

// otherPriority reports whether a metric is asked for which is not Calico's default.
func otherPriority(p *int) bool { return p != nil && *p != 1024 }

// notYet tells about the fields of one resource that are not acted upon, and
// returns what it told of those a session must not be started for.
func notYet[Spec any](p *problems, key resources.Key, spec *Spec, table []missing[Spec]) (refused []string) {
	for _, m := range table {
		if !m.asked(spec) {
			continue
		}
		so := ""
		if m.unsafe {
			so = ", so the session is not started"
		}
		text := p.about(key, "spec.%s is not acted upon yet%s: %s", m.field, so, m.without)
		if m.unsafe {
			refused = append(refused, text)
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
}
