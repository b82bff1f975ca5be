package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

const (
	// abreast is how long what is named by a resource may take to be seen after it,
	// before the burst is told all the same; that is looked at again and again.
	abreast   = time.Second
	lookAgain = 50 * time.Millisecond

	// The pauses before everything is listed again.
	retryFirst = 100 * time.Millisecond
	retryMost  = time.Second

	// longestDelay is how much longer a server that has too much to do may send us away.
	longestDelay = 30 * time.Second

	// readLimit is how long one kind's list may take.
	readLimit = 30 * time.Second

	// sessionMin is how long a session lasts that nothing disturbs, and less than twice
	// that: as long as the API server itself lets a watch live.
	sessionMin = 30 * time.Minute

	// askAgain is how long a session lasts in which the cluster did not have a kind, or
	// did not let us see it. The next such lasts twice as long.
	askAgain = time.Minute
)

// errAnew ends a session in which nothing went wrong.
var errAnew = errors.New("everything is listed anew")

// Watch calls fn with the whole state, now and after every change.
func (s *Store) Watch(ctx context.Context, fn func(*resources.Snapshot)) error {
	w := &watch{store: s, fn: fn, feed: store.NewFeed(), services: newServices(), had: map[resources.Kind]bool{}, again: askAgain}
	defer s.troubles.Note(w, nil)
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		begin := time.Now()
		err := w.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, errAnew) {
			s.troubles.Note(w, err)
		}
		if time.Since(begin) > 10*retryMost {
			pause = retryFirst // it went well for a while
		}
		wait := pause/2 + rand.N(pause) // not all nodes at once
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok && apierrors.IsTooManyRequests(err) {
			wait += min(time.Duration(seconds)*time.Second, longestDelay)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// A watch is one running Watch. It belongs to one goroutine.
type watch struct {
	store    *Store
	fn       func(*resources.Snapshot)
	feed     *store.Feed
	services *services

	told    bool                     // fn was called
	news    bool                     // since then there were changes
	missing map[reference]bool       // what is named and was not there when fn was called
	had     map[resources.Kind]bool  // kinds that there were lists of
	denied  map[resources.Kind]error // kinds we may not see, and why not
	again   time.Duration            // how long the next session lasts that misses some
}

// A stream is the watch of one kind in a session.
type stream struct {
	home
	revision string // from which on it tells of changes; "": there is nothing to watch
}

// An answer is what one kind's watch has to say.
type answer struct {
	home *home
	event
	err error // why it has ended
}

type event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// session lists everything and follows it until something goes wrong.
func (w *watch) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	streams, err := w.snapshot(ctx)
	if err != nil {
		return err
	}
	w.store.troubles.Note(w, nil)
	return w.loop(ctx, w.follow(ctx, streams))
}

// kinds are all that is watched.
func kinds() []resources.Kind {
	all := []resources.Kind{kindService, kindEndpointSlice}
	for _, t := range resources.Types() {
		all = append(all, t.Kind)
	}
	return all
}

// snapshot lists all kinds. None of it is told before all of it is here.
func (w *watch) snapshot(ctx context.Context) ([]stream, error) {
	if _, err := w.store.group(ctx); err != nil { // once, before all ask for it
		return nil, err
	}
	streams := make([]stream, len(kinds()))
	items := make([][]json.RawMessage, len(streams))
	denied := make([]error, len(streams))
	lists, ctx := errgroup.WithContext(ctx)
	for i, kind := range kinds() {
		lists.Go(func() error {
			h, err := w.store.home(ctx, kind)
			if err != nil {
				return err
			}
			list, revision, err := w.store.list(ctx, readLimit, request{path: h.path, once: true})
			switch {
			case apierrors.IsForbidden(err) && dispensable(kind) && !w.had[kind]:
				denied[i], err = err, nil
			case err == nil && revision == "" && w.had[kind]:
				err = w.store.where(fmt.Errorf("it has no %s any more", h.plural))
			}
			streams[i], items[i] = stream{h, revision}, list
			return err
		})
	}
	if err := lists.Wait(); err != nil {
		return nil, err
	}
	var all []store.Entry
	routed := map[resources.Kind][]json.RawMessage{}
	before := w.denied
	w.denied = map[resources.Kind]error{}
	for i, st := range streams {
		w.had[st.kind] = w.had[st.kind] || st.revision != ""
		if denied[i] != nil {
			w.denied[st.kind] = denied[i]
		}
		if st.kind == kindService || st.kind == kindEndpointSlice {
			routed[st.kind] = items[i]
			continue
		}
		for _, raw := range items[i] {
			all = append(all, st.entry(raw))
		}
	}
	w.news = w.feed.Replace(all) || w.news
	w.news = w.services.replace(routed) || w.news || !w.told || len(before) != len(w.denied)
	return streams, nil
}

// dispensable tells whether a node can do without a kind it may not see: one without
// passwords, without Services to tell of, or whose blocks are nobody's business.
func dispensable(kind resources.Kind) bool {
	switch kind {
	case resources.KindSecret, resources.KindBlockAffinity, kindService, kindEndpointSlice:
		return true
	}
	return false
}

// follow begins to watch each kind from where its list ends.
func (w *watch) follow(ctx context.Context, streams []stream) <-chan answer {
	answers := make(chan answer)
	limit := sessionMin + rand.N(sessionMin)
	incomplete := slices.ContainsFunc(streams, func(st stream) bool { return st.revision == "" })
	if incomplete { // by then all of it may be there, and allowed
		limit = min(limit, w.again)
		w.again *= 2
	} else {
		w.again = askAgain
	}
	for _, st := range streams {
		if st.revision == "" {
			continue
		}
		go func() {
			err := w.read(ctx, st, limit, func(e event) {
				select {
				case answers <- answer{home: &st.home, event: e}:
				case <-ctx.Done():
				}
			})
			select {
			case answers <- answer{home: &st.home, err: err}:
			case <-ctx.Done():
			}
		}()
	}
	return answers
}

// read hands on what one kind's watch tells, until it ends.
func (w *watch) read(ctx context.Context, st stream, limit time.Duration, tell func(event)) error {
	body, err := w.store.stream(ctx, request{verb: http.MethodGet, path: st.path, once: true, query: url.Values{
		"watch":           {"1"},
		"resourceVersion": {st.revision},
		"timeoutSeconds":  {strconv.Itoa(int(limit / time.Second))},
	}})
	if gone(err) {
		return errAnew
	}
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	for dec := json.NewDecoder(body); ; {
		var e event
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF): // in good order: its time is over, or the server's
			return errAnew
		case err != nil:
			return w.store.failed(ctx, ctx, 0, fmt.Errorf("the watch of %s broke: %w", st.plural, err))
		}
		tell(e)
	}
}

// gone tells whether a revision is too old for the API server.
func gone(err error) bool { return apierrors.IsGone(err) || apierrors.IsResourceExpired(err) }

// loop takes in changes and tells of them when a burst is over and what is named is there.
func (w *watch) loop(ctx context.Context, answers <-chan answer) error {
	settle := time.NewTimer(0) // runs while there are changes nobody was told of
	defer settle.Stop()
	burst := time.Now() // when they began
	if !w.news {
		settle.Stop()
		burst = time.Time{}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-answers:
			news, err := w.take(a)
			if err != nil {
				return err
			}
			if !news {
				continue
			}
			w.news = true
			if burst.IsZero() {
				burst = time.Now()
			}
			settle.Reset(store.Settling(burst))
		case <-settle.C:
			snap := w.feed.Snapshot()
			snap.Services = w.services.list()
			missing := missingIn(snap)
			if w.outOfStep(missing) && time.Since(burst) < abreast {
				settle.Reset(lookAgain)
				continue
			}
			burst = time.Time{}
			w.told, w.news, w.missing = true, false, missing
			w.complain(snap, missing)
			w.fn(snap)
		}
	}
}

// take takes in what a watch says. An error means that it can't be gone on with.
func (w *watch) take(a answer) (news bool, err error) {
	if a.err != nil {
		return false, a.err
	}
	routed := a.home.kind == kindService || a.home.kind == kindEndpointSlice
	switch a.Type {
	case "ADDED", "MODIFIED":
		if routed {
			return w.services.put(a.home.kind, a.Object), nil
		}
		return w.feed.Put(a.home.entry(a.Object)), nil
	case "DELETED":
		if routed {
			return w.services.remove(a.home.kind, a.Object), nil
		}
		return w.feed.Remove(a.home.entry(a.Object).Key), nil
	case "ERROR":
		var status metav1.Status
		if err := json.Unmarshal(a.Object, &status); err != nil {
			return false, w.store.where(fmt.Errorf("the watch of %s ends for a reason that can't be read: %w", a.home.plural, err))
		}
		err := &apierrors.StatusError{ErrStatus: status}
		if gone(err) {
			return false, errAnew
		}
		return false, w.store.where(fmt.Errorf("the watch of %s: %w", a.home.plural, err))
	}
	return false, nil
}

// complain adds to a snapshot what we may not see, where somebody has asked for it.
func (w *watch) complain(snap *resources.Snapshot, missing map[reference]bool) {
	asked := map[resources.Kind]bool{resources.KindBlockAffinity: true}
	for ref := range missing {
		asked[ref.to.Kind] = true
	}
	for _, c := range snap.Configs {
		if len(c.Spec.ServiceClusterIPs)+len(c.Spec.ServiceExternalIPs)+len(c.Spec.ServiceLoadBalancerIPs) > 0 {
			asked[kindService], asked[kindEndpointSlice] = true, true
		}
	}
	for kind, err := range w.denied {
		if asked[kind] {
			snap.Broken = append(snap.Broken, resources.Broken{Source: homeOf(kind, groupV1, "").plural, Err: err})
		}
	}
	slices.SortFunc(snap.Broken, func(a, b resources.Broken) int { return cmp.Compare(a.Source, b.Source) })
}

// outOfStep tells whether something is named that is not there, though it may be on its way.
func (w *watch) outOfStep(missing map[reference]bool) bool {
	for ref := range missing {
		if !w.missing[ref] {
			return true
		}
	}
	return false
}

// A reference is made by a resource that names another one.
type reference struct{ by, to resources.Key }

// missingIn are the references to filters and secrets that are not in a snapshot.
func missingIn(snap *resources.Snapshot) map[reference]bool {
	missing := map[reference]bool{}
	note := func(by resources.Resource, to resources.Key) {
		if snap.Get(to) == nil {
			missing[reference{resources.KeyOf(by), to}] = true
		}
	}
	password := func(by resources.Resource, p *resources.BGPPassword) {
		if p != nil && p.SecretKeyRef != nil {
			note(by, resources.Key{Kind: resources.KindSecret, Name: p.SecretKeyRef.Name})
		}
	}
	for _, p := range snap.Peers {
		for _, filter := range p.Spec.Filters {
			note(p, resources.Key{Kind: resources.KindBGPFilter, Name: filter})
		}
		password(p, p.Spec.Password)
	}
	for _, c := range snap.Configs {
		password(c, c.Spec.NodeMeshPassword)
	}
	return missing
}
