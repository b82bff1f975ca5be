package adjout

import (
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A Member is one peer in one group.
type Member struct{}

type groups struct{}

func newGroups(Options) *Groups                             { return &Groups{} }
func (*groups) join(Key, Policy, *rib.Peer, func()) *Member { return &Member{} }
func (*groups) changed([]rib.Delta)                         {}
func (*groups) work(int) bool                               { return false }
func (*groups) setPolicy(string, Policy)                    {}
func (*groups) reconsider()                                 {}
func (*groups) release(wire.Families)                       {}
func (*groups) closeAll()                                   {}
func (*groups) move(Key, Policy, []*Member)                 {}
func (*groups) list() []Group                               { return nil }
func (*Member) leave()                                      {}
func (*Member) refresh(bool)                                {}
func (*Member) key() Key                                    { return Key{} }
func (*Member) fill(buf []byte) []byte                      { return buf }
func (*Member) standing() Standing                          { return Standing{} }
func (*Member) told(func(wire.Dest, *wire.Attrs))           {}
