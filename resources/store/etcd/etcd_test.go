package etcd_test

import (
	"testing"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/etcd"
	"github.com/calctl/calctl/resources/store/storetest"
)

func startEtcd(t *testing.T) *lab.Etcd {
	t.Helper()
	return lab.Local(t).Etcd("http://127.0.0.1:" + lab.FreePort(t))
}

func open(t *testing.T, c etcd.Config) *etcd.Store {
	t.Helper()
	s, err := etcd.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	e := startEtcd(t)
	fresh := func(t *testing.T) store.Store {
		empty(t, e)
		return open(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	}
	storetest.Run(t, fresh, func(t *testing.T, s store.Store) store.Store {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return open(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	})
}
