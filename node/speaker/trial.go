package speaker

import (
	"cmp"
	"net/netip"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A Trial tries out what a speaker makes of routes from one peer, and of routes
// that the peer might be told: with its functions, and without a session or a
// table. It is for one goroutine at a time.
type Trial struct {
	asn      uint32 // the node's
	at       netip.AddrPort
	peer     intent.Peer
	entrance entrance
	key      adjout.Key
	importer *policy.Importer
	exporter *policy.Exporter
	decoder  *wire.Decoder
	tried    int
}

// A Sample is a route to try.
type Sample struct {
	Prefix netip.Prefix
	// Attrs are what the peer says of the route, or, of one to be told, what the
	// node holds. The next hop may be missing; the peer's is taken then.
	Attrs *wire.Attrs
	// Interface is the one that leads to the next hop, or to the destination.
	Interface string
	// Local says of a route to be told that the node has it without BGP. Else
	// From is the peer that it was learned from, and without that a router of
	// another AS.
	Local *intent.Local
	From  *intent.Peer
}

// A Verdict is what becomes of a route.
type Verdict struct {
	// Attrs are those that the route is taken in with, or told with; nil when it
	// is rejected.
	Attrs *wire.Attrs
	// Bar is the rule of BGP that rejects the route whatever policies say, empty
	// when Policy decided.
	Bar    string
	Policy policy.Decision
}

// NewTrial makes one for a peer of a node.
func NewTrial(node intent.BGP, at netip.AddrPort, peer intent.Peer) *Trial {
	t := &Trial{asn: node.ASN, at: at, peer: peer}
	own, external := cmp.Or(peer.LocalASN, node.ASN), peer.External(node.ASN)
	t.entrance = entrance{own, peer.AllowedLocalAS, node.RouterID, peer.LocalAddress, peer.Cluster}
	t.key = adjout.Key{
		Family: familyOf(at.Addr()), External: external, LocalAS: own,
		// The kernel chooses where nothing is said; then any will do here.
		Self: cmp.Or(peer.LocalAddress, at.Addr()), LongLived: true,
	}
	setRules(&t.key, peer.Rules)
	t.importer = policy.NewImporter(peer.Import, node.Priorities, external)
	t.exporter = policy.NewExporter(peer.Export, node.Export, external)
	return t
}

func familyOf(a netip.Addr) wire.Family {
	if a.Is4() {
		return wire.IPv4
	}
	return wire.IPv6
}

// trialMemory is how many trials share what they remember: enough that it is
// worth something, few enough that a million leave nothing behind.
const trialMemory = 4096

// begin is what both directions begin with.
func (t *Trial) begin(s *Sample) (bar string) {
	if t.tried%trialMemory == 0 {
		t.importer.Forget()
		t.exporter.Forget()
		t.decoder = wire.NewDecoder(wire.Rules{
			LocalAS: t.entrance.localAS, PeerAS: t.peer.ASN, FourOctetAS: true, Families: wire.SetOf(t.key.Family),
		}, &wire.Table{})
	}
	t.tried++
	if familyOf(s.Prefix.Addr()) != t.key.Family {
		return "the session carries " + t.key.Family.String() + " routes only"
	}
	if !s.Attrs.NextHop().IsValid() {
		s.Attrs = s.Attrs.WithNextHop(t.at.Addr())
	}
	return ""
}

// Import says what becomes of a route that the peer tells.
func (t *Trial) Import(s Sample) Verdict {
	if bar := t.begin(&s); bar != "" {
		return Verdict{Bar: bar}
	}
	received, bar := t.read(s)
	switch {
	case bar != "":
		return Verdict{Bar: bar}
	case wire.Martian(s.Prefix):
		return Verdict{Bar: martian}
	}
	if bar := t.entrance.bars(received); bar != "" {
		return Verdict{Bar: bar}
	}
	d := t.importer.Judge(policy.Route{Prefix: s.Prefix, Attrs: received, Remote: true, Interface: s.Interface})
	return Verdict{Attrs: d.Attrs, Policy: d}
}

const martian = "it is no destination for routes (RFC 4271, 6.3)"

const headerLen = 19 // octets in front of every message (RFC 4271, 4.1)

// read is the route as it arrives: the session passes over what external peers
// have no say in, and takes what is malformed for withdrawn.
func (t *Trial) read(s Sample) (received *wire.Attrs, bar string) {
	message, err := wire.Builder{FourOctetAS: true}.Reach(nil, t.key.Family, s.Attrs, []wire.Dest{{Prefix: s.Prefix}})
	if err != nil {
		return nil, err.Error()
	}
	u, wrong := t.decoder.Decode(message[headerLen:])
	switch {
	case wrong != nil:
		return nil, wrong.Error()
	case len(u.Reach) == 0 && len(u.Notes) > 0:
		return nil, u.Notes[0].Reason
	case len(u.Reach) == 0:
		return nil, "it is malformed"
	}
	return u.Reach[0].Attrs, ""
}

// Export says what the peer is told of a route.
func (t *Trial) Export(s Sample) Verdict {
	if bar := t.begin(&s); bar != "" {
		return Verdict{Bar: bar}
	}
	r := adjout.Route{Prefix: s.Prefix, Held: s.Attrs, From: t.source(s)}
	if s.Local != nil {
		local := localOf(*s.Local)
		r.Local = &local
		if _, has := r.Held.LocalPref(); !has {
			r.Held = r.Held.WithLocalPref(local.LocalPref) // as the table does
		}
	}
	var d policy.Decision
	told, why := t.key.Export(func(r adjout.Route) *wire.Attrs {
		d = t.exporter.Judge(judged(r, s.Interface))
		return d.Attrs
	}, r)
	v := Verdict{Attrs: told, Policy: d}
	if why != adjout.Told && why != adjout.ByPolicy {
		v.Bar = why.String()
	}
	return v
}

// source is where a route is from, in the table's terms.
func (t *Trial) source(s Sample) *rib.Peer {
	switch {
	case s.Local != nil:
		return &rib.Peer{Source: sourceOf(s.Local.Source)}
	case s.From == nil: // in no AS of ours
		return &rib.Peer{Source: rib.BGP, LocalAS: t.key.LocalAS}
	}
	from := describe(*s.From, t.asn)
	return &from
}
