package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
)

// A Document is a Plan for scripts. Lists are never null, and nothing is left
// out: what does not apply is 0, false or "".
type Document struct {
	Node     string     `json:"node"`     // name of the Node resource
	RouterID netip.Addr `json:"routerID"` // "" when the node does not speak BGP
	ASNumber uint32     `json:"asNumber"` // the node's; 0 when it does not speak BGP
	Listen   Listen     `json:"listen"`
	Problems []Problem  `json:"problems"` // sorted by subject and text
	Peers    []Peer     `json:"peers"`    // sorted by address and port
	Refused  []Refused  `json:"refused"`  // sorted by address and name
	Policies []Policy   `json:"policies"` // of peers, sorted by name
	Export   Export     `json:"export"`
	Kernel   Kernel     `json:"kernel"`
	Routes   []Route    `json:"routes"` // that the node has itself, sorted by prefix
}

// Listen is where the node waits for connections.
type Listen struct {
	Port      uint16       `json:"port"`
	Addresses []netip.Addr `json:"addresses"` // none: all
}

// A Problem is what a resource asks for and can't have.
type Problem struct {
	Subject string `json:"subject"` // a resource such as BGPPeer(rack1), or a file
	Text    string `json:"text"`    // what is wrong and how to mend it
}

// A Peer is a session the node would have, in the words of BGPPeer where it has
// some. Times are whole seconds.
type Peer struct {
	Name          string     `json:"name"` // the BGPPeer, or the Node at the other end of a mesh session
	Type          string     `json:"type"` // node-to-node mesh, node specific, global
	Address       netip.Addr `json:"address"`
	Port          uint16     `json:"port"` // to dial
	ASNumber      uint32     `json:"asNumber"`
	LocalASNumber uint32     `json:"localASNumber"` // towards this peer
	External      bool       `json:"external"`      // eBGP: the two AS numbers differ
	Passive       bool       `json:"passive"`       // the peer dials
	SourceAddress netip.Addr `json:"sourceAddress"` // "": the kernel chooses
	Password      bool       `json:"password"`      // whether there is one
	TTLSecurity   uint8      `json:"ttlSecurity"`   // hops; 0: off

	RouteReflectorClient bool       `json:"routeReflectorClient"`
	ClusterID            netip.Addr `json:"clusterID"`    // of a client
	NextHopMode          string     `json:"nextHopMode"`  // Auto, Self, Keep
	AllowLocalAS         int        `json:"allowLocalAS"` // how often LocalASNumber may be in a path
	RestartTime          int        `json:"restartTime"`
	KeepaliveTime        int        `json:"keepaliveTime"`   // 0: a third of the hold time
	MaximumPrefixes      uint32     `json:"maximumPrefixes"` // 0: any number

	Filters      []string `json:"filters"` // as the BGPPeer lists them
	ImportPolicy string   `json:"importPolicy"`
	ExportPolicy string   `json:"exportPolicy"`
}

// A Refused is a session that is asked for and would not be started.
type Refused struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Address  netip.Addr `json:"address"`
	Port     uint16     `json:"port"`
	ASNumber uint32     `json:"asNumber"` // 0 when nobody says
	Why      string     `json:"why"`
}

// A Policy is what the BGPFilters say of the routes from some peers, or to them.
// What no rule decides on comes in; for what goes out, see Export.
type Policy struct {
	Name      string          `json:"name"`
	Direction string          `json:"direction"` // import, export
	Family    string          `json:"family"`    // ipv4, ipv6
	External  bool            `json:"external"`  // of eBGP peers
	Filters   []policy.Filter `json:"filters"`   // those with rules for it, in the order they are asked
}

// Export says what of the routes that no filter decides on is told: not what lies
// in Reject; else, of what lies in one of Blocks, the block itself and what has a
// better priority than normal; else what lies in Services or Accept. Communities go
// with it. Nothing else is told.
type Export struct {
	Reject      []netip.Prefix  `json:"reject"`
	Blocks      []netip.Prefix  `json:"blocks"`   // of addresses, that are this node's
	Services    []netip.Prefix  `json:"services"` // ranges of service addresses
	Accept      []netip.Prefix  `json:"accept"`
	Communities []Advertisement `json:"communities"`
}

// Kernel says what of the static routes, and of those learned by BGP, is not for the
// kernel: what lies in Services or Pools.
type Kernel struct {
	Services []netip.Prefix `json:"services"`
	Pools    []netip.Prefix `json:"pools"` // that programClusterRoutes leaves to others
}

// An Advertisement is the communities of what is told inside a prefix.
type Advertisement struct {
	CIDR        netip.Prefix `json:"cidr"`
	Communities []string     `json:"communities"` // aa:nn, aa:nn:mm
}

// A Route is one the node has without BGP.
type Route struct {
	Prefix    netip.Prefix `json:"prefix"`
	Source    string       `json:"source"`    // direct, static, kernel
	Gateway   netip.Addr   `json:"gateway"`   // of a kernel or static route that has one
	Interface string       `json:"interface"` // "": a blackhole and the like
	Metric    uint32       `json:"metric"`    // of a kernel route
	Exported  bool         `json:"exported"`  // told, if no filter decides otherwise
}

// Document is the plan for scripts.
func (p Plan) Document() Document {
	d := Document{
		Node: p.Node, RouterID: p.RouterID, ASNumber: p.ASN,
		Listen:   Listen{p.Port, list(p.Listen)},
		Problems: []Problem{}, Peers: []Peer{}, Refused: []Refused{}, Routes: []Route{},
		Export: Export{list(p.Export.Reject), list(p.Export.Blocks), list(p.Export.Services), list(p.Export.Accept), []Advertisement{}},
		Kernel: Kernel{list(p.Kernel.Services), list(p.Kernel.Pools)},
	}
	for _, q := range p.Problems {
		d.Problems = append(d.Problems, Problem{q.Subject(), q.Text})
	}
	policies := map[string]Policy{}
	for _, at := range slices.SortedFunc(maps.Keys(p.Peers), netip.AddrPort.Compare) {
		q := p.peer(at)
		d.Peers = append(d.Peers, q)
		for name, made := range p.policies(at) {
			policies[name] = made
		}
	}
	d.Policies = slices.SortedFunc(maps.Values(policies), func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	d.Policies = list(d.Policies)
	for _, r := range p.Refused {
		d.Refused = append(d.Refused, Refused{r.Name, string(r.Type), r.At.Addr(), r.At.Port(), r.ASN, r.Why})
	}
	for _, a := range p.Export.Advertise {
		d.Export.Communities = append(d.Export.Communities, Advertisement{a.CIDR, list(a.Communities)})
	}
	for _, prefix := range slices.SortedFunc(maps.Keys(p.Local), netip.Prefix.Compare) {
		d.Routes = append(d.Routes, p.route(prefix))
	}
	return d
}

func (p Plan) peer(at netip.AddrPort) Peer {
	q := p.Peers[at]
	return Peer{
		Name: q.Name, Type: string(q.Type), Address: at.Addr(), Port: at.Port(),
		ASNumber: q.ASN, LocalASNumber: cmp.Or(q.LocalASN, p.ASN), External: q.External(p.ASN),
		Passive: q.Passive, SourceAddress: q.LocalAddress, Password: q.Password.IsSet(), TTLSecurity: q.TTLSecurity,
		RouteReflectorClient: q.Cluster.IsValid(), ClusterID: q.Cluster, NextHopMode: nextHopModes[q.NextHop],
		AllowLocalAS: q.AllowedLocalAS, RestartTime: restartSeconds(q), KeepaliveTime: int(q.Keepalive / time.Second),
		MaximumPrefixes: q.MaximumPrefixes,
		Filters:         list(p.filters(q)),
		ImportPolicy:    policyName("import", at, q.External(p.ASN), q.Import),
		ExportPolicy:    policyName("export", at, q.External(p.ASN), q.Export),
	}
}

var nextHopModes = map[intent.NextHopMode]string{intent.NextHopAuto: "Auto", intent.NextHopSelf: "Self", intent.NextHopKeep: "Keep"}

// restartSeconds is how long a peer is to keep our routes, in the terms of RFC
// 4724 and of BIRD.
func restartSeconds(q intent.Peer) int {
	switch q.RestartTime {
	case 0:
		return int(intent.DefaultRestartTime / time.Second)
	case intent.NoRestart:
		return 0
	}
	return int(q.RestartTime / time.Second)
}

// policies are those of a peer, by name.
func (p Plan) policies(at netip.AddrPort) map[string]Policy {
	q, made := p.Peers[at], map[string]Policy{}
	for direction, chain := range map[string]policy.Chain{"import": q.Import, "export": q.Export} {
		name := policyName(direction, at, q.External(p.ASN), chain)
		made[name] = Policy{name, direction, family(at.Addr()), q.External(p.ASN), list(chain.Filters())}
	}
	return made
}

// policyName tells policies apart: peers of one family and type with the same
// filters have the same. A filter has one set of rules for each direction and family.
func policyName(direction string, at netip.AddrPort, external bool, c policy.Chain) string {
	kind := "ibgp"
	if external {
		kind = "ebgp"
	}
	name := strings.Join([]string{direction, family(at.Addr()), kind}, "-")
	for i, f := range c.Filters() {
		name += map[bool]string{true: ":", false: ","}[i == 0] + f.Name
	}
	return name
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "ipv4"
	}
	return "ipv6"
}

func (p Plan) route(prefix netip.Prefix) Route {
	r := p.Local[prefix]
	return Route{prefix, sources[r.Source], r.Gateway, r.Interface, r.Metric, p.Export.Permits(prefix, r.Metric)}
}

var sources = map[intent.Source]string{intent.Direct: "direct", intent.Kernel: "kernel", intent.Static: "static"}

// list is a list for JSON: never null.
func list[E any](all []E) []E {
	if all == nil {
		return []E{}
	}
	return all
}
