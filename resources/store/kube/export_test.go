package kube

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/calctl/calctl/resources"
)

// CalicoUID is calicoUID.
func CalicoUID(uid string) string { return calicoUID(uid) }

// EndsAnew tells whether a watch of BGPPeers from a revision ends with nothing wrong.
func EndsAnew(ctx context.Context, s *Store, revision string) (bool, error) {
	h, err := s.home(ctx, resources.KindBGPPeer)
	if err != nil {
		return false, err
	}
	w := &watch{store: s}
	err = w.read(ctx, stream{h, revision}, time.Minute, func(e event) {
		if _, err := w.take(answer{home: &h, event: e}); errors.Is(err, errAnew) {
			revision = ""
		}
	})
	return revision == "" || errors.Is(err, errAnew), err
}

// A Counter notes the requests of a store.
type Counter struct {
	next http.RoundTripper

	mu       sync.Mutex
	requests []string
}

// Count has the requests of a store noted from now on.
func Count(s *Store) *Counter {
	c := &Counter{next: s.client.Client.Transport}
	s.client.Client.Transport = c
	return c
}

// RoundTrip is part of every request.
func (c *Counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	text := r.Method + " " + r.URL.Path
	if r.URL.Query().Get("watch") != "" {
		text = "WATCH " + r.URL.Path
	}
	c.requests = append(c.requests, text)
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

// Take returns what has been requested since it was called last.
func (c *Counter) Take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.requests
	c.requests = nil
	return all
}

// Peek returns what Take would.
func (c *Counter) Peek() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.requests...)
}
