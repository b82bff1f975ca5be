package etcd_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/etcd"
)

// TestRequests has etcd itself count what each kind of write asks of it.
func TestRequests(t *testing.T) {
	e := startEtcd(t)
	peer := func(as int) resources.Resource {
		p := &resources.BGPPeer{}
		p.Name, p.Spec.PeerIP, p.Spec.ASNumber = "p1", "192.0.2.1", resources.ASN(as)
		return p
	}
	for _, test := range []struct {
		what string
		do   func(b *store.Batch) error
		want map[string]int
	}{
		{"apply what is new: lock, get, write", func(b *store.Batch) error {
			_, err := b.Apply(within(t), peer(64512))
			return err
		}, map[string]int{"Range": 2, "Txn": 1}},
		{"apply a change: lock, get, write", func(b *store.Batch) error {
			_, err := b.Apply(within(t), peer(64513))
			return err
		}, map[string]int{"Range": 2, "Txn": 1}},
		{"apply what is there: lock, get", func(b *store.Batch) error {
			_, err := b.Apply(within(t), peer(64513))
			return err
		}, map[string]int{"Range": 2}},
		{"delete: lock, get, delete", func(b *store.Batch) error {
			_, err := b.Delete(within(t), resources.Key{Kind: resources.KindBGPPeer, Name: "p1"}, "")
			return err
		}, map[string]int{"Range": 2, "Txn": 1}},
	} {
		before := requests(t, e)
		b := store.NewBatch(open(t, etcd.Config{Endpoints: []string{e.Endpoint}})) // as a command does
		if err := test.do(b); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		b.Close()
		got := map[string]int{}
		for method, n := range requests(t, e) {
			if n -= before[method]; n > 0 {
				got[method] = n
			}
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, d)
		}
	}
}

// requests is how many of each kind etcd has been asked.
func requests(t *testing.T, e *lab.Etcd) map[string]int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.Socket, "unix://"))
	}}}
	answer, err := client.Get("http://etcd/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	counted := map[string]int{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "grpc_server_started_total{grpc_method=\"")
		if !ok {
			continue
		}
		method, rest, _ := strings.Cut(rest, `"`)
		var n int
		if _, err := fmt.Sscan(rest[strings.LastIndex(rest, " ")+1:], &n); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		counted[method] += n
	}
	if len(counted) == 0 {
		t.Fatal("etcd counts nothing")
	}
	return counted
}
