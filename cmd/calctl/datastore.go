package main

import (
	"context"

	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

const (
	datastoreEnv     = "CALCTL_DATASTORE"
	defaultDatastore = "/var/lib/calctl"
)

// open gives the datastore the flags and the environment ask for. Whoever
// opens it closes it.
func (a *app) open(context.Context) (store.Store, error) {
	return dir.Open(a.setting(a.datastore, datastoreEnv, defaultDatastore))
}
