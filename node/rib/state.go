package rib

import (
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// What follows is an outline; the exported API above is what counts.

type rank struct{ preference uint8 }

type bundle struct {
	peer            *Peer
	attrs, received *wire.Attrs
	local           *Local
	rank            rank
}

func (b *bundle) same(c *bundle) bool {
	return b.peer == c.peer && b.attrs == c.attrs && b.local == c.local
}

type state struct{ allPaths bool }

func newTable(Options) *Table                                        { return &Table{} }
func decide([]Candidate) int                                         { return -1 }
func (*state) local(Source) *Peer                                    { return nil }
func (*state) addPeer(p Peer, _ Policy) *Peer                        { return &p }
func (*state) replacePeer(_ *Peer, p Peer) *Peer                     { return &p }
func (*state) removePeer(*Peer)                                      {}
func (*state) announce(*Peer, wire.Family, *wire.Attrs, []wire.Dest) {}
func (*state) withdraw(*Peer, wire.Family, []wire.Dest)              {}
func (*state) down(*Peer, wire.Families)                             {}
func (*state) markStale(*Peer, wire.Families)                        {}
func (*state) sweep(*Peer, wire.Families)                            {}
func (*state) setImport(*Peer, Policy)                               {}
func (*state) reimport(int) bool                                     { return false }
func (*state) resolve(Resolver)                                      {}
func (*state) nextHops() []NextHop                                   { return nil }
func (*state) setLocal(Source, Local, []wire.Dest)                   {}
func (*state) unsetLocal(Source, []wire.Dest)                        {}
func (*state) commit(func([]Delta))                                  {}
func (*state) counts(*Peer, wire.Family) Counts                      { return Counts{} }
func (*state) length(wire.Family) int                                { return 0 }
func (*state) walk(wire.Family, Ref, int, func(Row)) (Ref, bool)     { return 0, false }
func (*state) lookup(netip.Prefix) (Row, bool)                       { return Row{}, false }
func (*state) row(wire.Family, Ref) Row                              { return Row{} }
func (*state) paths(to []Path, _ wire.Family, _ Ref) []Path          { return to }
func (*state) pin(wire.Family, Ref)                                  {}
func (*state) unpin(wire.Family, Ref)                                {}
func (*state) explain(netip.Prefix) []Candidate                      { return nil }
