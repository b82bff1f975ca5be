package dir

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

const (
	// anxious is the time between two looks while we can't rely on being told.
	anxious = time.Second
)

// Watch calls fn with the whole state, now and after every change.
func (s *Store) Watch(ctx context.Context, fn func(*resources.Snapshot)) error {
	w := &watch{store: s, fn: fn, view: newView(s.path), kinds: map[string]resources.Kind{}}
	w.settle, w.patrol = stopped(), stopped()
	defer w.end()
	for _, t := range resources.Types() {
		w.kinds[filepath.Join(s.path, t.Plural)] = t.Kind
	}
	w.all = true
	w.look()
	for {
		var events chan fsnotify.Event
		var errs chan error
		if w.ears != nil {
			events, errs = w.ears.Events, w.ears.Errors
		}
		select {
		case <-ctx.Done():
			return nil
		case ev, ok := <-events:
			if !ok {
				w.deaf()
			}
			w.hear(ev)
		case _, ok := <-errs:
			if !ok {
				w.deaf()
			}
			w.all = true // the queue ran over: events are lost
			w.wait()
		case <-w.settle.C:
			w.look()
		case <-w.patrol.C:
			w.all = true
			w.look()
		}
	}
}

// A watch is one running Watch. It belongs to one goroutine.
type watch struct {
	store *Store
	fn    func(*resources.Snapshot)
	view  *view
	kinds map[string]resources.Kind // by folder

	ears *notifier                // nil while there can't be one
	all  bool                     // look at everything next time,
	some map[string]resources.Key // or at these files

	burst  time.Time // when the changes we are gathering began; zero: there are none
	settle *time.Timer
	patrol *time.Timer
}

// hear notes where an event says to look.
func (w *watch) hear(ev fsnotify.Event) {
	folder, base := filepath.Split(ev.Name)
	folder = filepath.Clean(folder)
	_, kindFolder := w.kinds[ev.Name]
	switch kind, inside := w.kinds[folder]; {
	case kindFolder || ev.Name == w.store.path:
		// A folder came, went or has another mode. Went: whatever comes in its
		// place may have its inode, and seem heard when it is not.
		if ev.Has(fsnotify.Remove | fsnotify.Rename) {
			w.deaf()
		}
		w.all = true
	case inside:
		key, ok := keyOf(kind, base)
		if !ok {
			return
		}
		if w.some == nil {
			w.some = map[string]resources.Key{}
		}
		w.some[ev.Name] = key
	default:
		return
	}
	w.wait()
}

// wait puts the next look off until it is quiet.
func (w *watch) wait() {
	if w.burst.IsZero() {
		w.burst = time.Now()
	}
	w.settle.Reset(store.Settling(w.burst))
}

// look finds out what has changed and tells fn.
func (w *watch) look() {
	w.settle.Stop()
	deaf := w.listen() // before looking, so that nothing falls in between
	all := w.all || deaf != nil
	got := w.view.look(all, w.some)
	w.burst, w.all, w.some = time.Time{}, false, nil
	if got.missing {
		w.some = w.view.missing()
		w.wait()
	}
	if all || got.err != nil {
		w.rest(got.err, deaf)
	}
	if got.changed && w.view.whole {
		w.fn(w.view.snapshot())
	}
}

// listen keeps our ears on the folders that are there now. New ears may have
// missed something.
func (w *watch) listen() error {
	var err error
	for range 3 { // folders may be replaced faster than we can follow, but not for long
		if w.ears == nil {
			w.all = true
			if w.ears, err = w.store.notify(); err != nil {
				w.ears = nil
				return err
			}
		}
		if err = w.ears.listen(w.store.path); err == nil {
			return nil
		}
		w.deaf()
		if !errors.Is(err, errReplaced) {
			return err
		}
	}
	return err
}

// deaf lets go of the ears; the next look grows new ones.
func (w *watch) deaf() {
	if w.ears != nil {
		_ = w.ears.Close()
		w.ears = nil
	}
}

// rest sets when to look at everything next, and tells Health how we fare.
func (w *watch) rest(err, deaf error) {
	pause := w.store.patrol
	if err == nil && deaf != nil {
		err = fmt.Errorf("%s: nobody tells of changes, looking every second instead: %w", w.store.path, deaf)
	}
	if err != nil || !w.view.there {
		pause = min(pause, anxious)
	}
	w.patrol.Reset(pause)
	w.store.troubles.Note(w, err)
}

func (w *watch) end() {
	w.deaf()
	w.settle.Stop()
	w.patrol.Stop()
	w.store.troubles.Note(w, nil)
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
