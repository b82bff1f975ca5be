package dir

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/calctl/calctl/resources"
)

// A reading is what came of reading a file.
type reading struct {
	file    string
	key     resources.Key
	stamp   stamp
	err     error // it can't be read, or is not there
	same    bool  // as what is known: nothing below is set
	version string
	holds   resources.Resource
	wrong   error // with what it holds
}

// read reads a file, unless its stamp tells that it is as before. It changes
// nothing in the view, so that files can be read at the same time.
func (v *view) read(file string, key resources.Key, surely bool) reading {
	r := reading{file: file, key: key}
	info, err := os.Stat(file)
	if err != nil {
		r.err = err
		return r
	}
	k := v.files[file]
	exposed := exposure(file, key, info)
	if k != nil && !surely && k.stamp.same(info, exposed) {
		r.stamp, r.same = k.stamp, true
		return r
	}
	data, info, err := load(file)
	if err != nil {
		r.err = err
		return r
	}
	r.stamp, r.version = v.stampOf(info, exposed), versionOf(data)
	if k != nil && k.version == r.version && (k.stamp.exposed == nil) == (exposed == nil) {
		r.same = true
		return r
	}
	if r.holds, r.wrong = parse(data, file, key); r.wrong == nil {
		r.wrong = exposed
	}
	if r.wrong == nil {
		r.holds.Default()
		r.wrong = r.holds.Validate()
	}
	return r
}

// readAll reads files, by all processors: a start with thousands of resources
// waits for nothing else.
func (v *view) readAll(files []reading) {
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		readers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				files[i] = v.read(files[i].file, files[i].key, false)
			}
		})
	}
	readers.Wait()
}
