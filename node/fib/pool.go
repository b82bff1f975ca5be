package fib

// A pool keeps one copy of each of a few values that many routes share, and
// hands out small numbers for them. Number 0 is never given: it means "none".
type pool[T any] struct {
	ids   map[string]uint32
	items []pooled[T]
	free  []uint32
}

type pooled[T any] struct {
	key  string
	val  T
	uses uint32
}

func newPool[T any]() pool[T] {
	return pool[T]{ids: map[string]uint32{}, items: make([]pooled[T], 1)}
}

// take counts one more use of the value with this key. fresh says that there
// was none, so that the caller has to fill in the value.
func (p *pool[T]) take(key []byte) (id uint32, fresh bool) {
	if id, ok := p.ids[string(key)]; ok {
		p.items[id].uses++
		return id, false
	}
	item := pooled[T]{key: string(key), uses: 1}
	if n := len(p.free); n > 0 {
		id, p.free = p.free[n-1], p.free[:n-1]
		p.items[id] = item
	} else {
		id = uint32(len(p.items))
		p.items = append(p.items, item)
	}
	p.ids[item.key] = id
	return id, true
}

func (p *pool[T]) at(id uint32) *T { return &p.items[id].val }

// hold counts one more use of a value that is in use already.
func (p *pool[T]) hold(id uint32) {
	if id != 0 {
		p.items[id].uses++
	}
}

// drop counts one use less. With the last one it forgets the value and says so.
func (p *pool[T]) drop(id uint32) (last bool) {
	if id == 0 {
		return false
	}
	item := &p.items[id]
	if item.uses--; item.uses > 0 {
		return false
	}
	delete(p.ids, item.key)
	*item = pooled[T]{}
	p.free = append(p.free, id)
	return true
}

// uses is how often a value is in use.
func (p *pool[T]) uses(id uint32) int { return int(p.items[id].uses) }

// each visits the numbers in use, in their order.
func (p *pool[T]) each(visit func(id uint32, v *T)) {
	for id := range p.items {
		if p.items[id].uses > 0 {
			visit(uint32(id), &p.items[id].val)
		}
	}
}
