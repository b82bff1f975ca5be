package etcd_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/etcd"
)

const ipam = "/calico/ipam/v2/host/"

// Blocks are read as Calico's IPAM writes them, and followed; nobody writes them here.
func TestBlockAffinities(t *testing.T) {
	e := startEtcd(t)
	c := raw(t, e)
	put := func(key, value string) {
		t.Helper()
		if _, err := c.Put(within(t), key, value); err != nil {
			t.Fatal(err)
		}
	}
	put(ipam+"n1.example.com/ipv4/block/10.0.0.0-26", `{"state":"confirmed"}`)
	put(ipam+"n2/ipv6/block/fd00:10::-122", `{"state":"pending","deleted":false,"future":1}`)
	put(ipam+"n2/ipv4/block/10.0.1.0-26", `{}`)
	put(ipam+"n2", `{"strict_affinity":false}`)   // IPAM has had this
	put(ipam+"n2/ipv4/block/", `{}`)              // and these nobody has
	put(ipam+"n2/ipv4/block/10.0.1.0", `{}`)      //
	put(ipam+"n2/ipv4/handle/10.0.1.0-26", `{}`)  //
	put(ipam+"n2/ipv4/block/10.0.256.0-26", `{}`) //
	put("/calico/ipam/v2/virtual/lb/ipv4/block/10.0.2.0-26", `{"state":"confirmed"}`)

	w := watch(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	blocks := func(want ...string) {
		t.Helper()
		lab.Until(t, 10*time.Second, "the blocks", func() error {
			snap := w.Snapshot()
			if snap == nil {
				return errors.New("nothing is shown")
			}
			var got []string
			for _, name := range slices.Sorted(maps.Keys(snap.Blocks)) {
				b := snap.Blocks[name]
				got = append(got, fmt.Sprintf("%s: %s %s %s %v", name, b.Spec.Node, b.Spec.CIDR, b.Spec.State, b.Spec.Deleted))
			}
			for _, b := range snap.Broken {
				got = append(got, fmt.Sprintf("%s at %s, kept: %v", b.Key, b.Source, b.Kept))
			}
			if d := cmp.Diff(want, got); d != "" {
				return fmt.Errorf("(-want +got):\n%s", d)
			}
			return nil
		})
	}
	blocks("n1.example.com-10-0-0-0-26: n1.example.com 10.0.0.0/26 confirmed false",
		"n2-10-0-1-0-26: n2 10.0.1.0/26 confirmed false",
		"n2-fd00-10---122: n2 fd00:10::/122 pending false")

	put(ipam+"n2/ipv6/block/fd00:10::-122", `{"state":"confirmed","deleted":true}`)
	put(ipam+"n2/ipv4/block/10.0.1.0-26", `{`)
	if _, err := c.Delete(within(t), ipam+"n1.example.com/ipv4/block/10.0.0.0-26"); err != nil {
		t.Fatal(err)
	}
	blocks("n2-10-0-1-0-26: n2 10.0.1.0/26 confirmed false",
		"n2-fd00-10---122: n2 fd00:10::/122 confirmed true",
		"BlockAffinity(n2-10-0-1-0-26) at "+ipam+"n2/ipv4/block/10.0.1.0-26, kept: true")

	key := func(name string) resources.Key { return resources.Key{Kind: resources.KindBlockAffinity, Name: name} }
	got, err := w.Get(within(t), key("n2-fd00-10---122"))
	if err != nil || got.(*resources.BlockAffinity).Spec.CIDR != "fd00:10::/122" || got.Meta().ResourceVersion == "" {
		t.Errorf("Get: %+v, %v", got, err)
	}
	if _, err := w.Get(within(t), key("n1")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of what is not there: %v", err)
	}
	var broken *store.BrokenError
	if _, err := w.Get(within(t), key("n2-10-0-1-0-26")); !errors.As(err, &broken) || len(broken.Entries) != 1 {
		t.Errorf("Get of what can't be read: %v", err)
	}
	list, err := w.List(within(t), resources.KindBlockAffinity)
	if !errors.As(err, &broken) || len(list) != 1 {
		t.Errorf("List: %v, %v", list, err)
	}
	for what, err := range map[string]error{
		"Create": second(w.Create(within(t), got)), "Update": second(w.Update(within(t), got)),
		"Delete": second(w.Delete(within(t), key("n2-fd00-10---122"), "")), "Apply": second(store.Apply(within(t), w, got)),
	} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
