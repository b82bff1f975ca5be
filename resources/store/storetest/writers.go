package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

const (
	writers = 8
	rounds  = 10
)

// together runs do as many writers at once.
func together(do func(writer int)) {
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// testWriters increments one annotation by compare-and-swap.
func testWriters(t *testing.T, s store.Store) {
	mustCreate(t, s, peer("counter"))
	ctx := wait(t)
	together(func(int) {
		for range rounds {
			if err := increment(ctx, s); err != nil {
				t.Error(err)
				return
			}
		}
	})
	got := mustGet(t, s, peerKey("counter")).Meta().Annotations["count"]
	same(t, "the count", strconv.Itoa(writers*rounds), got)
}

func increment(ctx context.Context, s store.Store) error {
	for {
		p, err := s.Get(ctx, peerKey("counter"))
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(p.Meta().Annotations["count"])
		p.Meta().Annotations = map[string]string{"count": strconv.Itoa(n + 1)}
		if _, err = s.Update(ctx, p); err == nil || !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// testAppliers lets each writer apply its own resources and all of them one
// that they share.
func testAppliers(t *testing.T, s store.Store) {
	ctx := wait(t)
	together(func(i int) {
		for n := range rounds {
			own := peer(fmt.Sprintf("own-%d", i))
			own.Annotations = map[string]string{"n": strconv.Itoa(n)}
			shared := peer("shared")
			shared.Annotations = map[string]string{"by": strconv.Itoa(i)}
			if _, err := store.Apply(ctx, s, own); err != nil {
				t.Errorf("Apply of what nobody else writes: %v", err)
			}
			// Many writers of one resource may use up all tries: that is a
			// conflict, said so, and nothing else.
			if _, err := store.Apply(ctx, s, shared); err != nil && !errors.Is(err, store.ErrConflict) {
				t.Errorf("Apply of what all write: %v", err)
			}
		}
	})
	same(t, "number of peers", writers+1, len(mustList(t, s, resources.KindBGPPeer)))
	for i := range writers {
		r := mustGet(t, s, peerKey(fmt.Sprintf("own-%d", i)))
		same(t, "the last write", strconv.Itoa(rounds-1), r.Meta().Annotations["n"])
	}
}

func testCreators(t *testing.T, s store.Store) {
	ctx := wait(t)
	for n := range rounds {
		won := make(chan string, writers)
		together(func(i int) {
			p := peer(fmt.Sprintf("p%d", n))
			p.Annotations = map[string]string{"by": strconv.Itoa(i)}
			switch _, err := s.Create(ctx, p); {
			case err == nil:
				won <- strconv.Itoa(i)
			case !errors.Is(err, store.ErrExists):
				t.Errorf("Create: %v, want success or ErrExists", err)
			}
		})
		if len(won) != 1 {
			t.Fatalf("%d of %d creators think they have created p%d", len(won), writers, n)
		}
		same(t, "who is stored", <-won, mustGet(t, s, peerKey(fmt.Sprintf("p%d", n))).Meta().Annotations["by"])
	}
}
