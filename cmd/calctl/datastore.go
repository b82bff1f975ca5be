package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

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
	return dir.Open(a.folder())
}

func (a *app) folder() string { return a.setting(a.datastore, datastoreEnv, defaultDatastore) }

// tellIfMissing says on stderr that there is no datastore. It is as good as an
// empty one, but who expected to see something may have named the wrong folder.
func (a *app) tellIfMissing() {
	if _, err := os.Stat(a.folder()); errors.Is(err, fs.ErrNotExist) {
		_, _ = fmt.Fprintf(a.err, "The datastore folder %s does not exist yet: 'calctl apply' makes it. --datastore or $%s name another.\n", a.folder(), datastoreEnv)
	}
}
