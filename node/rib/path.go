package rib

import "github.com/calctl/calctl/node/wire"

// A Path is one way to a prefix: which peer offers it, and with what
// attributes. It is a small value that can be kept and handed to any
// goroutine; what it says stays true of the moment it was taken.
// The zero Path is none.
type Path struct {
	b     *bundle
	ID    uint32 // the peer's number for the path (RFC 7911), 0 without add-path
	Stale bool   // its peer is restarting (RFC 4724), and hasn't announced it again
}

// Valid says whether there is a path.
func (p Path) Valid() bool { return p.b != nil }

// Peer returns where the path comes from.
func (p Path) Peer() *Peer { return p.b.peer }

// Attrs returns the attributes as the import policy left them, nil when it
// rejected the path. Those of a local path have origin IGP, an empty AS path,
// the gateway as next hop, its LOCAL_PREF, and nothing else.
func (p Path) Attrs() *wire.Attrs { return p.b.attrs }

// Received returns the attributes as the peer sent them. They are the same
// pointer as Attrs unless the import policy changed them.
func (p Path) Received() *wire.Attrs { return p.b.received }

// Local returns what is known of a local path, nil for one that BGP brought.
func (p Path) Local() *Local { return p.b.local }

// Preference is what the decision compares first.
func (p Path) Preference() uint8 { return p.b.rank.preference }

// Same says whether two paths would be told alike: same peer, number and
// attributes. Two zero paths are the same.
func (p Path) Same(q Path) bool {
	return p.b == q.b && p.ID == q.ID || p.b != nil && q.b != nil && p.ID == q.ID && p.b.same(q.b)
}
