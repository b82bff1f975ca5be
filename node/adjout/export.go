package adjout

import (
	"net/netip"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// remembered is how many attribute sets an exporter remembers at most. Routes
// that share a set come together, so a few would do.
const remembered = 1024

// few is how many may be forgotten by clearing a map: that takes as long as the
// map was ever large.
const few = 32

// An exporter applies a group's rules. It works them out once for an attribute
// set and not for each route: sets are shared by many, and interned.
type exporter struct {
	key    *Key
	policy Policy
	table  *wire.Table

	last     origin
	lastMade made
	made     map[origin]made
	finished map[*wire.Attrs]*wire.Attrs
}

// An origin is all that the rules look at.
type origin struct {
	from  *rib.Peer
	local *rib.Local
	attrs *wire.Attrs
}

// made is what the rules say of an origin. done is what becomes of attrs when
// the policy leaves them alone.
type made struct{ attrs, done *wire.Attrs }

func newExporter(k *Key, policy Policy, table *wire.Table) exporter {
	if policy == nil {
		policy = TellAll
	}
	return exporter{
		key: k, policy: policy, table: table,
		made: make(map[origin]made), finished: make(map[*wire.Attrs]*wire.Attrs),
	}
}

// decide returns what is told of a path, interned, or nil.
func (e *exporter) decide(prefix netip.Prefix, p rib.Path) *wire.Attrs {
	o := origin{p.Peer(), p.Local(), p.Attrs()}
	if o != e.last {
		e.last, e.lastMade = o, e.prepared(o)
	}
	if e.lastMade.attrs == nil {
		return nil
	}
	a := e.policy(Route{Prefix: prefix, From: o.from, Local: o.local, Held: o.attrs, Attrs: e.lastMade.attrs})
	switch a {
	case nil:
		return nil
	case e.lastMade.attrs:
		return e.lastMade.done
	}
	return e.finish(a)
}

func (e *exporter) prepared(o origin) made {
	m, ok := e.made[o]
	if ok {
		return m
	}
	if a, _ := e.key.prepare(o.from, o.local, o.attrs); a != nil {
		m.attrs = e.table.Intern(a)
		m.done = e.finish(m.attrs)
	}
	if len(e.made) >= remembered {
		clear(e.made)
	}
	e.made[o] = m
	return m
}

func (e *exporter) finish(a *wire.Attrs) *wire.Attrs {
	a = e.table.Intern(a)
	done, ok := e.finished[a]
	if ok {
		return done
	}
	if done, _ = e.key.finish(a); done != nil {
		done = e.table.Intern(done)
	}
	if len(e.finished) >= remembered {
		clear(e.finished)
	}
	e.finished[a] = done
	return done
}

// forget lets go of what is remembered, so that sets nobody uses can be freed.
// It is called after every commit, so what is nearly empty costs next to nothing.
func (e *exporter) forget() {
	if e.last == (origin{}) {
		return
	}
	e.last, e.lastMade = origin{}, made{}
	if len(e.made)+len(e.finished) > few {
		e.made, e.finished = make(map[origin]made), make(map[*wire.Attrs]*wire.Attrs)
		return
	}
	clear(e.made)
	clear(e.finished)
}
