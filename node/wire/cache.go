package wire

import "bytes"

// A cache remembers the attributes of a session as they came: raw octets to
// interned set. Each hash has one place, a newer set takes an older one's; it
// grows while that happens, up to a bound, so that a peer with few routes
// costs next to nothing and a peer with many can't make it cost much.
type cache struct {
	places []*remembered // a power of two
}

const (
	smallestCache = 8
	largestCache  = 512
	longestKey    = 512 // octets; longer attributes are parsed each time
)

type remembered struct {
	attrs *Attrs
	notes []Note
	key   []byte
	kind  uint8
}

func (c *cache) get(hash uint64, kind uint8, key []byte) *remembered {
	if len(c.places) == 0 {
		return nil
	}
	e := c.places[hash&uint64(len(c.places)-1)]
	if e == nil || e.kind != kind || !bytes.Equal(e.key, key) {
		return nil
	}
	return e
}

func (c *cache) put(t *Table, hash uint64, kind uint8, key []byte, a *Attrs, notes []Note) {
	if len(key) > longestKey {
		return
	}
	if len(c.places) == 0 {
		c.places = make([]*remembered, smallestCache)
	}
	for c.places[hash&uint64(len(c.places)-1)] != nil && len(c.places) < largestCache {
		c.grow(t)
	}
	place := &c.places[hash&uint64(len(c.places)-1)]
	if *place == nil {
		*place = new(remembered)
	}
	// A set that takes another's place takes its memory too: a peer with more
	// sets than places costs no garbage.
	e := *place
	e.attrs, e.kind = a, kind
	e.key = append(e.key[:0], key...)
	e.notes = append(e.notes[:0], notes...)
}

func (c *cache) grow(t *Table) {
	old := c.places
	c.places = make([]*remembered, 2*len(old))
	for _, e := range old {
		if e != nil {
			c.places[(t.hash(e.key)+uint64(e.kind))&uint64(len(c.places)-1)] = e
		}
	}
}
