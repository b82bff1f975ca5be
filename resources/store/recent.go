package store

import (
	"sync"
	"time"

	"github.com/calctl/calctl/resources"
)

// A Recent is what a Get has read last, for the write that follows it: a backend
// need not ask again for what it was just told. It may be used by many goroutines.
type Recent[T any] struct {
	mu  sync.Mutex
	key resources.Key
	raw T
	at  time.Time // the zero time: there is none
}

// fresh is how long it may be taken for what is stored. A write is made for its
// version in any case; what would change nothing is judged by it alone.
const fresh = time.Second

// Note takes in what is stored under a key.
func (l *Recent[T]) Note(key resources.Key, raw T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.key, l.raw, l.at = key, raw, time.Now()
}

// Take returns it once; not when it is another resource's, or too old.
func (l *Recent[T]) Take(key resources.Key) (raw T, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key != key || time.Since(l.at) > fresh {
		return raw, false
	}
	raw, l.at = l.raw, time.Time{}
	return raw, true
}
