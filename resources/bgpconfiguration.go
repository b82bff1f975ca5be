package resources

import (
	"regexp"
	"strings"
)

// A BGPConfiguration holds the BGP settings of the whole cluster (named
// "default") or of one node (named "node.<nodename>").
type BGPConfiguration struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     BGPConfigurationSpec `json:"spec"`
}

// BGPConfigurationSpec is the spec of a BGPConfiguration. Pointers are fields
// whose absence means something else than their zero value.
type BGPConfigurationSpec struct {
	LogSeverityScreen              string                `json:"logSeverityScreen,omitempty"`
	NodeToNodeMeshEnabled          *bool                 `json:"nodeToNodeMeshEnabled,omitempty"`
	ASNumber                       *ASN                  `json:"asNumber,omitempty"`
	ServiceLoadBalancerIPs         []CIDRBlock           `json:"serviceLoadBalancerIPs,omitempty"`
	ServiceExternalIPs             []CIDRBlock           `json:"serviceExternalIPs,omitempty"`
	ServiceClusterIPs              []CIDRBlock           `json:"serviceClusterIPs,omitempty"`
	ServiceLoadBalancerAggregation *string               `json:"serviceLoadBalancerAggregation,omitempty"`
	Communities                    []Community           `json:"communities,omitempty"`
	PrefixAdvertisements           []PrefixAdvertisement `json:"prefixAdvertisements,omitempty"`
	ListenPort                     uint16                `json:"listenPort,omitempty"`
	NodeMeshPassword               *BGPPassword          `json:"nodeMeshPassword,omitempty"`
	NodeMeshMaxRestartTime         *Duration             `json:"nodeMeshMaxRestartTime,omitempty"`
	BindMode                       *string               `json:"bindMode,omitempty"`
	IgnoredInterfaces              []string              `json:"ignoredInterfaces,omitempty"`
	LocalWorkloadPeeringIPV4       string                `json:"localWorkloadPeeringIPV4,omitempty"`
	LocalWorkloadPeeringIPV6       string                `json:"localWorkloadPeeringIPV6,omitempty"`
	ProgramClusterRoutes           *string               `json:"programClusterRoutes,omitempty"`
	IPv4NormalRoutePriority        *int                  `json:"ipv4NormalRoutePriority,omitempty"`
	IPv6NormalRoutePriority        *int                  `json:"ipv6NormalRoutePriority,omitempty"`
}

// A CIDRBlock is an entry of one of the service address lists.
type CIDRBlock struct {
	CIDR string `json:"cidr,omitempty"`
}

// A Community names a standard (aa:nn) or large (aa:nn:mm) community.
type Community struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// A PrefixAdvertisement says which communities the routes inside a CIDR carry.
type PrefixAdvertisement struct {
	CIDR        string   `json:"cidr,omitempty"`
	Communities []string `json:"communities,omitempty"`
}

// A BGPPassword says where the password of a session is.
type BGPPassword struct {
	SecretKeyRef *SecretKeySelector `json:"secretKeyRef,omitempty"`
}

// A SecretKeySelector names one key of one Secret.
type SecretKeySelector struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	Optional *bool  `json:"optional,omitempty"`
}

// Kind is KindBGPConfiguration.
func (*BGPConfiguration) Kind() Kind { return KindBGPConfiguration }

// Default fills in what Calico's clients fill in: they store both values even
// in the resource of a single node.
func (r *BGPConfiguration) Default() {
	setHead(r)
	if r.Spec.LogSeverityScreen == "" {
		r.Spec.LogSeverityScreen = "Info"
	}
	if r.Spec.ServiceLoadBalancerAggregation == nil {
		enabled := "Enabled"
		r.Spec.ServiceLoadBalancerAggregation = &enabled
	}
}

// IsDefault tells whether this is the configuration of the whole cluster.
func (r *BGPConfiguration) IsDefault() bool { return r.Name == "default" }

// NodeName returns the node this configuration is for; ok is false when it is
// not for a single node. A configuration that is neither for the cluster nor
// for a node has no effect.
func (r *BGPConfiguration) NodeName() (name string, ok bool) {
	if name, ok = strings.CutPrefix(r.Name, "node."); !ok {
		return "", false
	}
	return name, true
}

var logSeverity = regexp.MustCompile(`^(?i)(Trace|Debug|Info|Warning|Error|Fatal)?$`)

// Validate returns an Invalid that names every bad field, or nil.
func (r *BGPConfiguration) Validate() error {
	var bad Invalid
	bad.metadata(r)
	s := &r.Spec
	if !r.IsDefault() {
		s.validateForNode(&bad)
	}
	if !logSeverity.MatchString(s.LogSeverityScreen) {
		bad.Add("spec.logSeverityScreen", s.LogSeverityScreen, "spec.logSeverityScreen in body should match '"+logSeverity.String()+"'")
	}
	bad.realAS("spec.asNumber", s.ASNumber)
	bad.cidrBlocks("spec.serviceClusterIPs", s.ServiceClusterIPs)
	bad.cidrBlocks("spec.serviceExternalIPs", s.ServiceExternalIPs)
	bad.cidrBlocks("spec.serviceLoadBalancerIPs", s.ServiceLoadBalancerIPs)
	if v := s.ServiceLoadBalancerAggregation; v != nil {
		bad.oneOf("spec.serviceLoadBalancerAggregation", *v, "Enabled", "Disabled")
	}
	s.validateMesh(&bad)
	s.validateCommunities(&bad)
	if v := s.BindMode; v != nil {
		bad.oneOf("spec.bindMode", *v, "None", "NodeIP")
	}
	for i, name := range s.IgnoredInterfaces {
		at := indexPath("spec.ignoredInterfaces", i)
		if name == "*" {
			bad.Add(at, name, "this would ignore every interface; name those to ignore")
			continue
		}
		bad.interfaceName(at, name)
	}
	bad.address("spec.localWorkloadPeeringIPV4", s.LocalWorkloadPeeringIPV4, 32)
	bad.address("spec.localWorkloadPeeringIPV6", s.LocalWorkloadPeeringIPV6, 128)
	if v := s.ProgramClusterRoutes; v != nil {
		bad.oneOf("spec.programClusterRoutes", *v, "Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly")
	}
	if v := s.IPv4NormalRoutePriority; v != nil {
		bad.priority("spec.ipv4NormalRoutePriority", *v)
	}
	if v := s.IPv6NormalRoutePriority; v != nil {
		bad.priority("spec.ipv6NormalRoutePriority", *v)
	}
	return bad.Err()
}

// validateForNode refuses what only the cluster's configuration may say.
func (s *BGPConfigurationSpec) validateForNode(bad *Invalid) {
	for _, f := range []struct {
		set         bool
		field, name string // in the file, and in calicoctl's words
	}{
		{s.ASNumber != nil, "asNumber", "ASNumber"},
		{s.NodeToNodeMeshEnabled != nil, "nodeToNodeMeshEnabled", "nodeToNodeMeshEnabled"},
		{len(s.ServiceClusterIPs) > 0, "serviceClusterIPs", "ServiceClusterIPs"},
		{len(s.ServiceExternalIPs) > 0, "serviceExternalIPs", "ServiceExternalIPs"},
		{len(s.ServiceLoadBalancerIPs) > 0, "serviceLoadBalancerIPs", "ServiceLoadBalancerIPs"},
		{s.NodeMeshPassword != nil, "nodeMeshPassword", "nodeMeshPassword"},
		{s.NodeMeshMaxRestartTime != nil, "nodeMeshMaxRestartTime", "nodeMeshMaxRestartTime"},
	} {
		if f.set {
			bad.Add("spec."+f.field, "", "Cannot set "+f.name+" on a non default BGP Configuration. Move it to the one named default")
		}
	}
}

func (s *BGPConfigurationSpec) validateMesh(bad *Invalid) {
	bad.password("spec.nodeMeshPassword", s.NodeMeshPassword)
	bad.span("spec.nodeMeshMaxRestartTime", s.NodeMeshMaxRestartTime, maxRestart)
	if s.NodeToNodeMeshEnabled == nil || *s.NodeToNodeMeshEnabled {
		return
	}
	if s.NodeMeshPassword != nil {
		bad.Add("spec", "", "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false")
	}
	if s.NodeMeshMaxRestartTime != nil {
		bad.Add("spec", "", "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false")
	}
}

func (s *BGPConfigurationSpec) validateCommunities(bad *Invalid) {
	bad.atMost("spec.communities", len(s.Communities), 500)
	bad.atMost("spec.prefixAdvertisements", len(s.PrefixAdvertisements), 500)
	defined := map[string]bool{}
	for i, c := range s.Communities {
		at := indexPath("spec.communities", i)
		switch {
		case c.Name == "":
			bad.Add(at+".name", "", "name is required; prefixAdvertisements refer to it")
		case defined[c.Name]:
			bad.Add(at+".name", c.Name, "there is a community of this name before; give each another name")
		}
		defined[c.Name] = true
		bad.community(at+".value", c.Value)
	}
	if len(s.Communities) > 0 && len(s.PrefixAdvertisements) == 0 {
		bad.Add("spec", "", "communities are defined but not used in prefixAdvertisements")
	}
	for i, p := range s.PrefixAdvertisements {
		at := indexPath("spec.prefixAdvertisements", i)
		if p.CIDR == "" {
			bad.Add(at+".cidr", "", "cidr is required; write the prefix the communities are for")
		} else {
			bad.prefix(at+".cidr", p.CIDR)
		}
		bad.atMost(at+".communities", len(p.Communities), 50)
		for j, c := range p.Communities {
			if fault := communityFault(c); fault != "" && !defined[c] {
				if strings.Contains(c, ":") {
					fault = "; " + fault
				} else {
					fault = " Define it under spec.communities"
				}
				bad.Add(indexPath(at+".communities", j), c, "community used is invalid or not defined."+fault)
			}
		}
	}
}

// cidrBlocks checks a list of service ranges. An entry without a cidr means
// nothing, and Calico takes it.
func (e *Invalid) cidrBlocks(path string, blocks []CIDRBlock) {
	for i, b := range blocks {
		if b.CIDR != "" {
			e.prefix(indexPath(path, i)+".cidr", b.CIDR)
		}
	}
}
