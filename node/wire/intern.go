package wire

import (
	"hash/maphash"
	"sync"
	"weak"
)

// A Table makes equal attribute sets one pointer. It holds them weakly: when
// no route uses a set any more, the garbage collector takes it, and the table
// forgets it. Safe for concurrent use; the zero Table is ready.
type Table struct {
	once   sync.Once
	seed   maphash.Seed
	shards [shards]shard
}

// shards is a power of two well above the number of cores, so that sessions
// decoding at once seldom meet.
const shards = 64

type shard struct {
	mu    sync.Mutex
	sets  map[uint64]weak.Pointer[Attrs]
	sweep int // when the map has grown to this, forget the dead
	_     [40]byte
}

func (t *Table) hash(enc []byte) uint64 {
	t.once.Do(func() { t.seed = maphash.MakeSeed() })
	return maphash.Bytes(t.seed, enc)
}

// Intern returns the one pointer of a set. Its argument may become that.
func (t *Table) Intern(a *Attrs) *Attrs {
	if a == nil {
		return nil
	}
	t.once.Do(func() { t.seed = maphash.MakeSeed() })
	return intern(t, maphash.String(t.seed, a.enc), a.enc, a)
}

// bytes returns the set with a canonical encoding, which it copies only if the
// set is new.
func (t *Table) bytes(enc []byte) *Attrs { return intern(t, t.hash(enc), enc, nil) }

func intern[T string | []byte](t *Table, hash uint64, enc T, a *Attrs) *Attrs {
	s := &t.shards[hash%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	// Two sets with one hash: the next number is the second's. Should the first
	// be forgotten then, the second may come to be twice; it is never mistaken.
	for ; ; hash++ {
		w, taken := s.sets[hash]
		if !taken {
			break
		}
		if have := w.Value(); have == nil {
			break
		} else if have.enc == string(enc) {
			return have
		}
	}
	if a == nil {
		a = newAttrs(string(enc))
	}
	if len(s.sets) >= s.sweep {
		s.forget()
	}
	s.sets[hash] = weak.Make(a)
	return a
}

// forget drops what the collector has taken. It costs as much as the
// insertions since the last time, so each pays for one step.
func (s *shard) forget() {
	live := make(map[uint64]weak.Pointer[Attrs], len(s.sets)/2)
	for hash, w := range s.sets {
		if w.Value() != nil {
			live[hash] = w
		}
	}
	s.sets, s.sweep = live, max(16, 2*len(live))
}

// Len counts the sets that are in use.
func (t *Table) Len() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += s.live()
		s.mu.Unlock()
	}
	return n
}

// live counts the sets that are in use.
func (s *shard) live() (n int) {
	for _, w := range s.sets {
		if w.Value() != nil {
			n++
		}
	}
	return n
}

// Trim gives back what the table keeps for sets that are gone, where that is
// most of it. Inserting does that too; Trim, called now and then, is for when
// many routes were lost and none comes.
func (t *Table) Trim() {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		if 2*s.live() < len(s.sets) {
			s.forget()
		}
		s.mu.Unlock()
	}
}
