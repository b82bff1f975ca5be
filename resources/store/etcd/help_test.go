package etcd_test

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/calctl/calctl/node/lab"
)

// raw is a client of etcd itself: another program that works on the datastore.
func raw(t *testing.T, e *lab.Etcd) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.Socket}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// empty removes everything from etcd.
func empty(t *testing.T, e *lab.Etcd) {
	t.Helper()
	if _, err := raw(t, e).Delete(within(t), "", clientv3.WithFromKey()); err != nil {
		t.Fatal(err)
	}
}
