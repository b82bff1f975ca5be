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
}

type (
	peerSpec   = resources.BGPPeerSpec
	configSpec = resources.BGPConfigurationSpec
)

var peerNotYet = []missing[peerSpec]{
	{"reachableBy", func(s *peerSpec) bool { return s.ReachableBy != "" }, "the router is reached by the routes the kernel has"},
}

const workloadsNotYet = "spec.localWorkloadSelector is not acted upon, so no session is started: calctl does not know the workloads of a node"

var globalNotYet = []missing[configSpec]{
	{"serviceClusterIPs", func(s *configSpec) bool { return len(s.ServiceClusterIPs) > 0 }, "peers are not told about them"},
	{"serviceExternalIPs", func(s *configSpec) bool { return len(s.ServiceExternalIPs) > 0 }, "peers are not told about them"},
	{"serviceLoadBalancerIPs", func(s *configSpec) bool { return len(s.ServiceLoadBalancerIPs) > 0 }, "peers are not told about them"},
	{"programClusterRoutes", func(s *configSpec) bool { return s.ProgramClusterRoutes != nil && *s.ProgramClusterRoutes != "Enabled" }, "the kernel gets the routes of all pools"},
	{"ipv4NormalRoutePriority", func(s *configSpec) bool { return otherPriority(s.IPv4NormalRoutePriority) }, "routes have the usual metric"},
	{"ipv6NormalRoutePriority", func(s *configSpec) bool { return otherPriority(s.IPv6NormalRoutePriority) }, "routes have the usual metric"},
	logSeverityNotYet,
}

// ownNotYet are the fields of which a BGPConfiguration for one node has a say.
var ownNotYet = []missing[configSpec]{logSeverityNotYet}

var logSeverityNotYet = missing[configSpec]{
	"logSeverityScreen", func(s *configSpec) bool {
		return s.LogSeverityScreen != "" && !strings.EqualFold(s.LogSeverityScreen, "Info")
	}, "the log is what calctl node run was started with",
}

// otherPriority reports whether a metric is asked for which is not Calico's default.
func otherPriority(p *int) bool { return p != nil && *p != 1024 }

// notYet tells about the fields of one resource that are not acted upon.
func notYet[Spec any](p *problems, key resources.Key, spec *Spec, table []missing[Spec]) {
	for _, m := range table {
		if m.asked(spec) {
			p.about(key, "spec.%s is not acted upon yet: %s", m.field, m.without)
		}
	}
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
