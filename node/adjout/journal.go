package adjout

// A journal is the order in which nodes changed. Each node stands in one place
// of one journal, that of its last change; places it has left are void. So
// whoever reads on from a place comes by everything that changed since, once,
// and however far behind a reader is, the journal is no longer than the table.
type journal struct {
	state state
	order []uint32 // node numbers
	full  int      // places that are not void
	kept  cache
}

// nobody is a place that is kept void, so that two readers' places stay apart.
const nobody = ^uint32(0)

// end is the place where the next change will stand.
func (j *journal) end() uint32 { return uint32(len(j.order)) }

func (j *journal) enter(n uint32) (at uint32) {
	at = j.end()
	j.order = append(j.order, n)
	j.full++
	j.kept.reach(at)
	return at
}

func (j *journal) leave(at uint32) {
	j.full--
	j.kept.spoil(at)
}

// sparse says whether most places are void.
func (j *journal) sparse() bool { return len(j.order) > 2*j.full+4096 }

// stands returns the node that stands at a place, or nil.
func (j *journal) stands(ns nodes, at uint32) (uint32, *node) {
	n := j.order[at]
	if n == nobody {
		return n, nil
	}
	if nd := ns.at(n); nd.state == j.state && nd.at == at {
		return n, nd
	}
	return n, nil
}

// A chunk is what part of a journal says, encoded; it never changes. It says
// more than one member may hear: what came from one source stands together,
// so that this one can leave it out.
type chunk struct {
	from, to uint32
	stamp    uint64
	bytes    []byte
	parts    []part
	owed     []debt
}

// A part is the messages about one source's routes, up to end.
type part struct {
	source uint32
	end    int
}

// A debt is a route of the source's own instead of which it knew another.
type debt struct{ source, node uint32 }

// A cache keeps chunks for those who come by the same place. It forgets the
// oldest.
type cache struct {
	chunks map[uint32]*chunk // by from
	queue  []*chunk
	octets int
	// Chunks are true as long as all nodes still stand where they did. moved
	// has, for each block of places, when the last one left.
	stamp uint64
	moved []uint64
}

const blockBits = 8

// overhead is what a chunk takes beside its messages.
const overhead = 256

func (c *cache) reach(at uint32) {
	if int(at>>blockBits) == len(c.moved) {
		c.moved = append(c.moved, 0)
	}
}

func (c *cache) spoil(at uint32) {
	c.stamp++
	c.moved[at>>blockBits] = c.stamp
}

// get returns the chunk that begins at a place, if it is still true.
func (c *cache) get(from uint32) *chunk {
	k := c.chunks[from]
	if k == nil {
		return nil
	}
	for b := k.from >> blockBits; b <= (k.to-1)>>blockBits; b++ {
		if c.moved[b] > k.stamp {
			return nil
		}
	}
	return k
}

func (c *cache) put(k *chunk, limit int) {
	if c.chunks == nil {
		c.chunks = make(map[uint32]*chunk)
	}
	k.stamp = c.stamp
	c.chunks[k.from] = k
	c.queue = append(c.queue, k)
	for c.octets += len(k.bytes) + overhead; c.octets > limit && len(c.queue) > 1; {
		old := c.queue[0]
		c.queue[0], c.queue = nil, c.queue[1:]
		c.octets -= len(old.bytes) + overhead
		if c.chunks[old.from] == old {
			delete(c.chunks, old.from)
		}
	}
}

func (c *cache) drop() { c.chunks, c.queue, c.octets = nil, nil, 0 }
