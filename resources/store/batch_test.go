package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

func pool(name, cidr string) *resources.IPPool {
	p := &resources.IPPool{Metadata: resources.Metadata{Name: name}}
	p.Spec.CIDR = cidr
	return p
}

// Of pools that overlap one is written, however many commands try at the same
// moment. Each has a Store of its own, as processes have.
func TestOneOfOverlappingPoolsWins(t *testing.T) {
	for round := range 10 {
		path := filepath.Join(t.TempDir(), "calctl")
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			s, err := dir.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				_, errs[i] = store.Apply(t.Context(), s, pool(fmt.Sprintf("p%d", i), fmt.Sprintf("10.0.0.0/%d", 16+i)))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !strings.Contains(err.Error(), "CIDR overlaps with IPPool(p"):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d of %d overlapping pools were written, want 1", round, won, len(errs))
		}
	}
}

// A Batch has a Locker to itself until it is closed, and not before its first write.
func TestBatchKeepsOthersOut(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "calctl")
	open := func() store.Store {
		s, err := dir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	mine, other := store.NewBatch(open()), store.NewBatch(open())
	defer mine.Close()
	defer other.Close()
	if _, err := mine.Replace(ctx, pool("none", "10.9.0.0/16")); err == nil {
		t.Fatal("replaced what is not there")
	}
	// Being refused takes no lock.
	if _, err := other.Apply(ctx, pool("a", "10.0.0.0/16")); err != nil {
		t.Fatal(err)
	}
	other.Close()

	if _, err := mine.Apply(ctx, pool("b", "10.1.0.0/16")); err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := store.Apply(impatient, open(), pool("c", "10.2.0.0/16")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Apply while another batch is open: %v, want it to wait", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := store.Apply(ctx, open(), pool("d", "10.3.0.0/24"))
		done <- err
	}()
	if _, err := mine.Apply(ctx, pool("e", "10.3.0.0/16")); err != nil {
		t.Fatal(err)
	}
	mine.Close()
	const want = "error with field spec.cidr = '10.3.0.0/24' (IPPool(d) CIDR overlaps with IPPool(e) CIDR 10.3.0.0/16)"
	switch err := <-done; {
	case err == nil:
		// It was here before the batch: then e could not have been written.
		t.Error("a pool was written that overlaps one of the batch")
	case err.Error() != want:
		t.Errorf("got %v, want %s", err, want)
	}
}

// A counter counts what a store is asked for. It is no Locker.
type counter struct {
	store.Store
	lists int
}

func (c *counter) List(ctx context.Context, kind resources.Kind) ([]resources.Resource, error) {
	c.lists++
	return c.Store.List(ctx, kind)
}

// What a Batch asks for does not grow with what it writes, and what it has
// written itself counts.
func TestBatchAsksOnce(t *testing.T) {
	ctx := t.Context()
	s, err := dir.Open(filepath.Join(t.TempDir(), "calctl"))
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{Store: s}
	b := store.NewBatch(c)
	defer b.Close()
	must := func(r resources.Resource) {
		t.Helper()
		if _, err := b.Apply(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	peer := &resources.BGPPeer{Metadata: resources.Metadata{Name: "p"}}
	peer.Spec.PeerIP, peer.Spec.ASNumber, peer.Spec.Filters = "192.0.2.1", 64513, []string{"f"}
	if _, err := b.Apply(ctx, peer); err == nil {
		t.Error("a peer was written whose filter does not exist")
	}
	must(&resources.BGPFilter{Metadata: resources.Metadata{Name: "f"}})
	must(peer)
	for i := range 20 {
		must(pool(fmt.Sprintf("p%d", i), fmt.Sprintf("10.%d.0.0/16", i)))
	}
	must(pool("p7", "10.7.0.0/16"))
	_, err = b.Apply(ctx, pool("all", "10.6.0.0/15"))
	const want = `error with the following fields:
-  spec.cidr = '10.6.0.0/15' (IPPool(all) CIDR overlaps with IPPool(p6) CIDR 10.6.0.0/16)
-  spec.cidr = '10.6.0.0/15' (IPPool(all) CIDR overlaps with IPPool(p7) CIDR 10.7.0.0/16)
`
	if err == nil || err.Error() != want {
		t.Errorf("a pool over two others: %v, want %s", err, want)
	}
	if diff := cmp.Diff(2, c.lists); diff != "" {
		t.Errorf("number of lists (-want +got):\n%s", diff)
	}
}
