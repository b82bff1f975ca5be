package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

const (
	// abreast is how long watches may take to come past the last change of a
	// burst, before it is told all the same; they are asked again and again.
	abreast  = time.Second
	askAgain = 100 * time.Millisecond

	heartbeat = 2 * time.Second // how often etcd is asked for a sign of life
	silence   = 6 * time.Second // how long none means that it is gone

	// The pauses before all is read again.
	retryFirst = 100 * time.Millisecond
	retryMost  = time.Second

	// readLimit is how long reading everything may take once somebody answers.
	readLimit = 30 * time.Second
)

// Watch calls fn with the whole state, now and after every change.
func (s *Store) Watch(ctx context.Context, fn func(*resources.Snapshot)) error {
	w := &watch{store: s, fn: fn, feed: store.NewFeed()}
	defer s.troubles.Note(w, nil)
	for pause := retryFirst; ; {
		begin := time.Now()
		err := w.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(begin) > 10*retryMost {
			pause = retryFirst // it went well for a while
		}
		if errors.Is(err, rpctypes.ErrCompacted) {
			continue // what we missed is gone, etcd is there
		}
		s.troubles.Note(w, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause)): // not all nodes at once
		}
		pause = min(2*pause, retryMost)
		_, _ = s.dial(ctx, true) // the endpoints may be others by now
	}
}

// A watch is one running Watch. It belongs to one goroutine.
type watch struct {
	store *Store
	fn    func(*resources.Snapshot)
	feed  *store.Feed
	news  bool // the feed has something fn was not told
	told  bool // fn has been called

	kinds    []resources.Kind
	answers  chan answer
	cluster  uint64
	revision int64   // at which everything was read
	newest   int64   // the revision of the latest change
	past     []int64 // by kind, the revision up to which its changes are known
}

// An answer is what one kind's watch has to say.
type answer struct {
	kind int
	clientv3.WatchResponse
	open bool
}

// session reads everything and follows it until something goes wrong.
func (w *watch) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := w.snapshot(ctx); err != nil {
		return err
	}
	c, err := w.store.dial(ctx, false)
	if err != nil {
		return err
	}
	w.follow(clientv3.WithRequireLeader(ctx), c)
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		conn := c.ActiveConnection()
		conn.WaitForStateChange(ctx, connectivity.Ready) // at once if it is not ready any more
	}()
	w.store.troubles.Note(w, nil)
	return w.loop(ctx, c, lost)
}

// snapshot reads all kinds as they are at one moment.
func (w *watch) snapshot(ctx context.Context) error {
	types := resources.Types()
	// Everything may take its time, but only if somebody is there.
	err := w.store.do(ctx, w.store.config.Timeout, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Get(ctx, folder(types[0].Kind), clientv3.WithPrefix(), clientv3.WithCountOnly())
		return err
	})
	if err != nil {
		return err
	}
	var got *clientv3.TxnResponse
	err = w.store.do(ctx, readLimit, func(ctx context.Context, c *clientv3.Client) (err error) {
		ops := make([]clientv3.Op, len(types))
		for i, t := range types {
			ops[i] = clientv3.OpGet(folder(t.Kind), clientv3.WithPrefix())
		}
		got, err = c.Txn(ctx).Then(ops...).Commit()
		return err
	})
	if err != nil {
		return err
	}
	var all []store.Entry
	w.kinds = w.kinds[:0]
	for i, t := range types {
		w.kinds = append(w.kinds, t.Kind)
		for _, kv := range got.Responses[i].GetResponseRange().Kvs {
			if key, ok := keyOf(t.Kind, kv); ok {
				all = append(all, store.Entry{Key: key, Source: string(kv.Key), Version: versionOf(kv), Text: textOf(key, kv)})
			}
		}
	}
	w.cluster, w.revision, w.newest = got.Header.ClusterId, got.Header.Revision, got.Header.Revision
	if w.feed.Replace(all) || w.news || !w.told {
		w.tell()
	}
	return nil
}

// follow begins to watch each kind from where the snapshot ends. Its goroutines
// may outlive the session by a moment, and the next one has answers of its own.
func (w *watch) follow(ctx context.Context, c *clientv3.Client) {
	answers := make(chan answer)
	w.answers = answers
	w.past = make([]int64, len(w.kinds))
	for i, kind := range w.kinds {
		w.past[i] = w.revision
		changes := c.Watch(ctx, folder(kind), clientv3.WithPrefix(), clientv3.WithRev(w.revision+1))
		go func() {
			for {
				r, open := <-changes
				select {
				case answers <- answer{i, r, open}:
				case <-ctx.Done():
					return
				}
				if !open {
					return
				}
			}
		}()
	}
}

var errLost = errors.New("the connection was lost")

// loop takes in changes and tells of them when a burst is over and all watches
// have come past it.
func (w *watch) loop(ctx context.Context, c *clientv3.Client, lost <-chan struct{}) error {
	where := func(err error) error {
		return fmt.Errorf("datastore %s: %w", w.store.config.location(), plain(err))
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	settle := stopped() // runs while there are changes nobody was told of
	defer settle.Stop()
	var burst time.Time // when they began; zero: there are none
	heard := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			return where(errLost)
		case <-beat.C:
			if time.Since(heard) > silence {
				return where(fmt.Errorf("nothing was heard for %v", silence))
			}
			w.ask(ctx, c)
		case a := <-w.answers:
			heard = time.Now()
			news, err := w.take(a)
			if err != nil {
				return where(err)
			}
			switch {
			case news:
				w.news = true
				if burst.IsZero() {
					burst = time.Now()
				}
				settle.Reset(store.Settling(burst))
			case !burst.IsZero() && w.level() && time.Since(burst) >= store.Quiet:
				settle.Reset(0)
			}
		case <-settle.C:
			if !w.level() && time.Since(burst) < abreast {
				w.ask(ctx, c)
				settle.Reset(askAgain)
				continue
			}
			burst = time.Time{}
			w.tell()
		}
	}
}

// ask has all watches say how far they are. No answer is an answer as well.
func (w *watch) ask(ctx context.Context, c *clientv3.Client) {
	ctx, cancel := context.WithTimeout(ctx, askAgain) // while it reconnects it does not listen to us
	defer cancel()
	_ = c.RequestProgress(clientv3.WithRequireLeader(ctx))
}

// level says whether all watches have come past the last change.
func (w *watch) level() bool {
	for _, p := range w.past {
		if p < w.newest {
			return false
		}
	}
	return true
}

// take takes in what a watch says. An error means that it can't be gone on with.
func (w *watch) take(a answer) (news bool, err error) {
	switch {
	case !a.open:
		return false, errLost
	case a.Err() != nil:
		return false, a.Err()
	case a.Header.ClusterId != w.cluster:
		return false, errors.New("etcd is another one than before")
	}
	kind := w.kinds[a.kind]
	for _, e := range a.Events {
		w.newest = max(w.newest, e.Kv.ModRevision)
		w.past[a.kind] = max(w.past[a.kind], e.Kv.ModRevision)
		key, ok := keyOf(kind, e.Kv)
		if !ok {
			continue
		}
		if e.Type == clientv3.EventTypeDelete {
			news = w.feed.Remove(key) || news
		} else {
			news = w.feed.Put(store.Entry{Key: key, Source: string(e.Kv.Key), Version: versionOf(e.Kv), Text: textOf(key, e.Kv)}) || news
		}
	}
	if a.IsProgressNotify() {
		w.past[a.kind] = max(w.past[a.kind], a.Header.Revision)
	}
	return news, nil
}

func (w *watch) tell() {
	w.told, w.news = true, false
	w.fn(w.feed.Snapshot())
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
