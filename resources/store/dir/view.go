package dir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/calctl/calctl/resources"
)

// A view is what a watch knows of the folder. It reads only what may have
// changed, and remembers the last good version of each file.
type view struct {
	path  string
	files map[string]*known // by path
	there bool              // the folder was there at the last look,
	found bool              // or at any before
	whole bool              // a look has been complete: the state is known
	disk  uint64            // where the folder was at the last look
	// settled is how old a change must be when a file is read, for later changes
	// to be seen in its stamp: clocks of file systems are coarse.
	settled time.Duration
}

// known is what a view knows of one file.
type known struct {
	key     resources.Key
	stamp   stamp
	version string             // of the content that was read last, "" when it could not be
	good    resources.Resource // in force, nil when no version was ever good
	err     error              // why the file, as it is, is not in force
	missing bool               // the last look did not find it
}

// A stamp tells without reading whether a file has changed.
type stamp struct {
	info    fs.FileInfo // nil: not to be trusted
	exposed error       // see exposure
}

func (v *view) stampOf(info fs.FileInfo, exposed error) stamp {
	if time.Since(changed(info)) < v.settled {
		info = nil
	}
	return stamp{info, exposed}
}

func (s stamp) same(info fs.FileInfo, exposed error) bool {
	return s.info != nil && os.SameFile(s.info, info) && s.info.Size() == info.Size() &&
		changed(s.info).Equal(changed(info)) &&
		(s.exposed == nil) == (exposed == nil)
}

// A sight is what came of a look.
type sight struct {
	changed bool  // the snapshot is another one
	missing bool  // files have vanished; look again soon whether they are back
	err     error // what could not be looked at; its last state stays in force
}

func newView(path string) *view {
	return &view{path: path, files: map[string]*known{}, settled: 2 * time.Second}
}

// look compares all files with what is known of them, or reads some again,
// whatever their stamps say.
func (v *view) look(all bool, some map[string]resources.Key) sight {
	info, err := os.Stat(v.path)
	v.there = err == nil && info.IsDir()
	switch {
	case v.there && v.unmounted(info):
		return sight{err: fmt.Errorf("%s is empty and on another disk than before, was it unmounted?: its last state stays in force until it is back", v.path)}
	case v.there && (all || !v.found):
		v.found = true
		return v.lookAtFolders()
	case v.there:
		return v.lookAtSome(some)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return sight{err: err}
	case err == nil:
		return sight{err: fmt.Errorf("%s is not a folder any more: its last state stays in force", v.path)}
	case v.found:
		return sight{err: fmt.Errorf("%s is gone: its last state stays in force until it is back", v.path)}
	}
	first := !v.whole
	v.whole = true
	return sight{changed: first}
}

// unmounted tells whether the folder is only the place where its disk belongs.
// Nobody has deleted anything then; and what is in it is looked at when it is
// back, or when somebody writes to the new disk.
func (v *view) unmounted(info fs.FileInfo) bool {
	before, now := v.disk, disk(info)
	if v.whole && len(v.files) > 0 && before != now && !v.begun() {
		return true
	}
	v.disk = now
	return false
}

// begun tells whether there is a folder of ours in the folder.
func (v *view) begun() bool {
	for _, t := range resources.Types() {
		if _, err := os.Stat(filepath.Join(v.path, t.Plural)); err == nil {
			return true
		}
	}
	return false
}

func (v *view) lookAtFolders() sight {
	var got sight
	var all []reading
	for _, t := range resources.Types() {
		folder := filepath.Join(v.path, t.Plural)
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			got.err = cmp.Or(got.err, err)
			continue
		}
		here := map[string]bool{}
		for _, e := range entries {
			if key, ok := keyOf(t.Kind, e.Name()); ok {
				file := filepath.Join(folder, e.Name())
				here[file] = true
				all = append(all, reading{file: file, key: key})
			}
		}
		for file, k := range v.files {
			if k.key.Kind == t.Kind && !here[file] {
				got.add(v.miss(file))
			}
		}
	}
	v.readAll(all)
	for _, r := range all {
		got.add(v.note(r))
	}
	if got.err == nil && !v.whole {
		v.whole, got.changed = true, true
	}
	return got
}

func (v *view) lookAtSome(files map[string]resources.Key) sight {
	var got sight
	for file, key := range files {
		got.add(v.lookAt(file, key, true))
	}
	return got
}

func (s *sight) add(one sight) {
	s.changed = s.changed || one.changed
	s.missing = s.missing || one.missing
}

// lookAt reads a file if it must, or may, have changed.
func (v *view) lookAt(file string, key resources.Key, surely bool) sight {
	return v.note(v.read(file, key, surely))
}

// note takes in what came of reading a file.
func (v *view) note(r reading) sight {
	if errors.Is(r.err, fs.ErrNotExist) {
		return v.miss(r.file)
	}
	k := v.files[r.file]
	if r.same {
		k.stamp, k.missing = r.stamp, false
		return sight{}
	}
	if k == nil {
		k = &known{key: r.key}
		v.files[r.file] = k
	}
	changed := r.err == nil || k.err == nil || k.err.Error() != r.err.Error()
	k.stamp, k.version, k.missing = r.stamp, r.version, false
	if k.err = r.wrong; r.err != nil {
		k.err = bare(r.err)
	} else if r.wrong == nil {
		k.good = r.holds
	}
	return sight{changed: changed}
}

// miss notes that a file is not there. Only the second time in a row it counts:
// some editors and git remove a file before they write it anew.
func (v *view) miss(file string) sight {
	k := v.files[file]
	switch {
	case k == nil:
		return sight{}
	case !k.missing:
		k.missing = true
		return sight{missing: true}
	}
	delete(v.files, file)
	return sight{changed: true}
}

// missing returns the files the last look did not find.
func (v *view) missing() map[string]resources.Key {
	files := map[string]resources.Key{}
	for file, k := range v.files {
		if k.missing {
			files[file] = k.key
		}
	}
	return files
}

// snapshot returns what is in force. Resources that have not changed are the
// same pointers as in the snapshot before.
func (v *view) snapshot() *resources.Snapshot {
	snap := resources.NewSnapshot()
	for file, k := range v.files {
		if k.good != nil {
			snap.Put(k.good)
		}
		if k.err != nil {
			snap.Broken = append(snap.Broken, resources.Broken{Key: k.key, Source: file, Err: k.err, Kept: k.good != nil})
		}
	}
	slices.SortFunc(snap.Broken, func(a, b resources.Broken) int { return cmp.Compare(a.Source, b.Source) })
	return snap
}

// exposure says that users other than the owner can read a secret: the file is
// open to them and so is the way to it.
func exposure(file string, key resources.Key, info fs.FileInfo) error {
	mode := info.Mode().Perm()
	if key.Kind != resources.KindSecret || mode&0o044 == 0 {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(file))
	if err != nil || !reachable(folder.Mode().Perm(), mode) {
		return nil
	}
	return fmt.Errorf("other users can read this secret (mode %04o): chmod 600 the file or chmod 700 its folder", mode)
}

// reachable tells whether the group, or everybody, may both enter the folder
// and read the file.
func reachable(folder, file fs.FileMode) bool {
	return folder&0o010 != 0 && file&0o040 != 0 || folder&0o001 != 0 && file&0o004 != 0
}
