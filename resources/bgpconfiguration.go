package resources

import (
	"reflect"
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
	LogSeverityScreen              string                `json:"logSeverityScreen,omitempty" pattern:"^(?i)(Trace|Debug|Info|Warning|Error|Fatal)?$"`
	NodeToNodeMeshEnabled          *bool                 `json:"nodeToNodeMeshEnabled,omitempty"`
	ASNumber                       *ASN                  `json:"asNumber,omitempty" format:"as"`
	ServiceLoadBalancerIPs         []CIDRBlock           `json:"serviceLoadBalancerIPs,omitempty"`
	ServiceExternalIPs             []CIDRBlock           `json:"serviceExternalIPs,omitempty"`
	ServiceClusterIPs              []CIDRBlock           `json:"serviceClusterIPs,omitempty"`
	ServiceLoadBalancerAggregation *string               `json:"serviceLoadBalancerAggregation,omitempty" oneOf:"Enabled Disabled"`
	Communities                    []Community           `json:"communities,omitempty" items:"..500" key:"name"`
	PrefixAdvertisements           []PrefixAdvertisement `json:"prefixAdvertisements,omitempty" items:"..500"`
	ListenPort                     uint16                `json:"listenPort,omitempty"`
	NodeMeshPassword               *BGPPassword          `json:"nodeMeshPassword,omitempty"`
	NodeMeshMaxRestartTime         *Duration             `json:"nodeMeshMaxRestartTime,omitempty" range:"0s..4095s"`
	BindMode                       *string               `json:"bindMode,omitempty" oneOf:"None NodeIP"`
	IgnoredInterfaces              []string              `json:"ignoredInterfaces,omitempty" format:"interface"`
	LocalWorkloadPeeringIPV4       string                `json:"localWorkloadPeeringIPV4,omitempty" format:"ipv4"`
	LocalWorkloadPeeringIPV6       string                `json:"localWorkloadPeeringIPV6,omitempty" format:"ipv6"`
	ProgramClusterRoutes           *string               `json:"programClusterRoutes,omitempty" oneOf:"Enabled Disabled EnabledIPIPOnly EnabledNoEncapOnly"`
	IPv4NormalRoutePriority        *int                  `json:"ipv4NormalRoutePriority,omitempty" range:"1..2147483646"`
	IPv6NormalRoutePriority        *int                  `json:"ipv6NormalRoutePriority,omitempty" range:"1..2147483646"`
}

// A CIDRBlock is an entry of one of the service address lists.
type CIDRBlock struct {
	CIDR string `json:"cidr,omitempty" format:"prefix"`
}

// A Community names a standard (aa:nn) or large (aa:nn:mm) community.
type Community struct {
	Name  string `json:"name,omitempty" need:"prefixAdvertisements refer to it"`
	Value string `json:"value,omitempty" need:"write aa:nn, or aa:nn:mm for a large community" format:"community"`
}

// A PrefixAdvertisement says which communities the routes inside a CIDR carry.
type PrefixAdvertisement struct {
	CIDR        string   `json:"cidr,omitempty" format:"prefix" need:"write the prefix the communities are for"`
	Communities []string `json:"communities,omitempty" items:"..50" format:"communityOrName"`
}

// A BGPPassword says where the password of a session is.
type BGPPassword struct {
	SecretKeyRef *SecretKeySelector `json:"secretKeyRef,omitempty" need:"it has the name of a Secret and a key in it"`
}

// A SecretKeySelector names one key of one Secret.
type SecretKeySelector struct {
	Name     string `json:"name" format:"name" need:"write the name of a Secret"`
	Key      string `json:"key" format:"dataKey" need:"write the key of the Secret that holds the password"`
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

// Validate returns an Invalid that names every bad field, or nil.
func (r *BGPConfiguration) Validate() error {
	var bad Invalid
	bad.metadata(r)
	s := &r.Spec
	if !r.IsDefault() {
		s.validateForNode(&bad)
	}
	bad.limits("spec", reflect.ValueOf(s).Elem())
	s.validateMesh(&bad)
	s.validateCommunities(&bad)
	for i, name := range s.IgnoredInterfaces {
		if name == "*" {
			bad.Add(indexPath("spec.ignoredInterfaces", i), name, "this would ignore every interface; name those to ignore")
		}
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
	defined := map[string]bool{}
	for _, c := range s.Communities {
		defined[c.Name] = true
	}
	if len(s.Communities) > 0 && len(s.PrefixAdvertisements) == 0 {
		bad.Add("spec", "", "communities are defined but not used in prefixAdvertisements")
	}
	for i, p := range s.PrefixAdvertisements {
		at := indexPath("spec.prefixAdvertisements", i)
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
