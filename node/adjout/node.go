package adjout

import "github.com/calctl/calctl/node/wire"

// A node is one thing that a group is told: the route to a prefix or, with
// add-path, one of several. This is the Adj-RIB-Out; 24 octets each.
type node struct {
	attrs  *wire.Attrs // nil unless live
	source uint32      // index of the peer that isn't told it: see group.source
	at     uint32      // its place in the journal that it is in
	first  uint32      // place in the live journal at which it began to be told
	state  state
	// owed says that the source has heard something else before, which it has
	// to forget when it comes to this place: it isn't told its own.
	owed bool
}

type state uint8

const (
	absent state = iota // nobody knows it
	live                // told
	dead                // to be withdrawn by those who know it
)

// nodes are numbered: by the Ref of their prefix, or with add-path by their
// path's number. Pages that nothing is in cost nothing.
type nodes []*[pageLen]node

// at returns a node, nil if it never was.
func (ns nodes) at(n uint32) *node {
	if page := int(n >> pageBits); page < len(ns) && ns[page] != nil {
		return &ns[page][n%pageLen]
	}
	return nil
}

// each visits those that are live or dead.
func (ns nodes) each(visit func(number uint32, n *node)) {
	for page, list := range ns {
		if list == nil {
			continue
		}
		for i := range list {
			if n := &list[i]; n.state != absent {
				visit(uint32(page<<pageBits|i), n)
			}
		}
	}
}

func (ns *nodes) grow(n uint32) *node {
	page := int(n >> pageBits)
	for len(*ns) <= page {
		*ns = append(*ns, nil)
	}
	if (*ns)[page] == nil {
		(*ns)[page] = new([pageLen]node)
	}
	return &(*ns)[page][n%pageLen]
}
