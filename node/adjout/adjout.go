package adjout

import (
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// Options are what Groups need.
type Options struct {
	Table *rib.Table  // whose routes are told
	Attrs *wire.Table // interns what is told; the table's own will do well
	// Hold makes members say nothing until Release: for the time in which we
	// have restarted and wait for our peers' routes (RFC 4724 §4.1).
	Hold bool
	// Keep is how many octets of encoded messages a group keeps for members
	// that are a little behind; default 4 MiB. What members still have to hear
	// is never kept as octets, so a member that falls back further costs nothing.
	Keep int
}

// Groups are all update groups over one table. All methods, and those of
// [Member] unless they say otherwise, are for the goroutine that owns the table.
type Groups struct{ groups }

// New makes groups without members.
func New(o Options) *Groups { return newGroups(o) }

// Join makes a peer hear of the table: first all of it, then End-of-RIB, then
// every change. The peer is the one its own paths come from, which it never
// hears back. policy counts when the group is a new one; see SetPolicy.
//
// wake is called when the member has something new to say after its Fill had
// nothing: Session.Wake. It is called without locks and must not block.
//
// A new group has to walk through the table first, by Work.
func (g *Groups) Join(k Key, policy Policy, peer *rib.Peer, wake func()) *Member {
	return g.join(k, policy, peer, wake)
}

// Changed takes in what the table has decided anew: it is to be called in
// Table.Commit's report, with deltas of any family. Of the other methods, none
// may be called there. Members that had nothing to say are woken by Work, and
// within a commit only when that is long.
func (g *Groups) Changed(deltas []rib.Delta) { g.changed(deltas) }

// Work is to be called after every commit, and while it says that there is
// more; always before anything in the table changes again, since what the table
// shows before a commit may never come to be. It wakes members, gives back pins of the table, and goes on with
// what new groups and changed policies have left to do, for about limit
// prefixes.
func (g *Groups) Work(limit int) (more bool) { return g.work(limit) }

// SetPolicy replaces the policy of a name. Work finds out what is different
// now, and members hear the differences.
func (g *Groups) SetPolicy(name string, policy Policy) { g.setPolicy(name, policy) }

// Reconsider has Work look at every route again: when something changed that
// policies depend on, and no policy did.
func (g *Groups) Reconsider() { g.reconsider() }

// Release ends Options.Hold for some families. End-of-RIB follows what is
// there to be told now.
func (g *Groups) Release(families wire.Families) { g.release(families) }

// Close leaves all groups.
func (g *Groups) Close() { g.closeAll() }

// Leave ends the membership: the session is over. Fill, if it is called still,
// has nothing to say.
func (m *Member) Leave() { m.leave() }

// Move changes what the member is to hear, without a new session: only the
// differences are told, after Work has found them. The family and the Builder
// can't change. Members that move to the same key should do so at once: those
// of one call stay together.
func (g *Groups) Move(k Key, policy Policy, members ...*Member) { g.move(k, policy, members) }

// Refresh says the whole table again, because the peer has asked for it
// (RFC 2918). marked puts BoRR and EoRR around it (RFC 7313): when
// Agreed.EnhancedRefresh.
func (m *Member) Refresh(marked bool) { m.refresh(marked) }

// Key returns what the member's group is for.
func (m *Member) Key() Key { return m.key() }

// Fill appends whole messages to buf, as many as fit, and returns it; if not
// even one fits, buf grows. Nothing appended means that there is nothing to say
// until wake is called. It may be called from any goroutine, by one at a time;
// it never waits for the owner's work for long.
func (m *Member) Fill(buf []byte) []byte { return m.fill(buf) }

// Standing is how far a member has come.
type Standing struct {
	Routes int  // it is to know, when it has heard everything
	Behind int  // changes that it hasn't been asked for yet, at most
	Ended  bool // End-of-RIB was said
}

// Standing returns how far the member has come. Any goroutine may ask.
func (m *Member) Standing() Standing { return m.standing() }

// Told visits what the member is to know when it has heard everything, by its
// number in the table. The path id is 0 without add-path.
func (m *Member) Told(visit func(d wire.Dest, a *wire.Attrs)) { m.told(visit) }

// Group says what a group costs.
type Group struct {
	Key     Key
	Members int
	Routes  int // decided to be told
	Octets  int // of encoded messages, kept for members that are behind
}

// List returns the groups, sorted by family and size.
func (g *Groups) List() []Group { return g.list() }

// A Source joins the members of one session, one for each family, into its
// session.Source. They take turns.
type Source struct {
	members []*Member
	turn    int
}

// Sources makes a Source of members.
func Sources(members ...*Member) *Source { return &Source{members: members} }

// Fill has the next member that has something to say say it. See [Member.Fill].
func (s *Source) Fill(buf []byte) []byte {
	for range s.members {
		m := s.members[s.turn]
		s.turn = (s.turn + 1) % len(s.members)
		if out := m.Fill(buf); len(out) > len(buf) {
			return out
		}
	}
	return buf
}
