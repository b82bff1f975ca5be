package store

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/calctl/calctl/resources"
)

// A Feed makes snapshots of single changes, for datastores that tell of those.
// It remembers the last good version of each entry. It is for one goroutine.
type Feed struct {
	entries map[resources.Key]entry
}

// An Entry is what a datastore has under a key.
type Entry struct {
	Key     resources.Key
	Source  string // where it is, for people
	Version string // the resourceVersion
	Text    string // all of it, as it is stored
	Err     error  // why there is no Text
}

type entry struct {
	Entry
	good resources.Resource // in force, nil when no version was ever good
	err  error              // why the entry, as it is, is not in force
}

// NewFeed returns a Feed of an empty datastore.
func NewFeed() *Feed { return &Feed{entries: map[resources.Key]entry{}} }

// Put takes in what is stored now under a key, and tells whether that is news. Another
// version that says the same, as of a Node whose kubelet wrote something else, is none.
func (f *Feed) Put(e Entry) (news bool) {
	before, known := f.entries[e.Key]
	news = !known || before.Text != e.Text || fmt.Sprint(before.Err) != fmt.Sprint(e.Err)
	if !news && before.Version == e.Version {
		return false
	}
	now := entry{Entry: e, good: before.good}
	r, err := e.read()
	if now.err = err; err == nil {
		now.good = r
	}
	f.entries[e.Key] = now
	return news
}

// read makes a resource of an entry, defaulted and valid.
func (e *Entry) read() (resources.Resource, error) {
	if e.Err != nil {
		return nil, e.Err
	}
	r, err := resources.DecodeStored([]byte(e.Text), e.Key)
	if err != nil {
		return nil, err
	}
	r.Meta().ResourceVersion = e.Version
	r.Default()
	return r, r.Validate()
}

// Remove takes out a key, and tells whether it was there.
func (f *Feed) Remove(key resources.Key) bool {
	_, known := f.entries[key]
	delete(f.entries, key)
	return known
}

// Replace takes in the whole state: what is not in it is gone.
func (f *Feed) Replace(all []Entry) (news bool) {
	here := make(map[resources.Key]bool, len(all))
	for _, e := range all {
		here[e.Key] = true
		news = f.Put(e) || news
	}
	for key := range f.entries {
		if !here[key] {
			news = f.Remove(key) || news
		}
	}
	return news
}

// Snapshot returns what is in force. Resources that have not changed are the
// same pointers as in the snapshot before.
func (f *Feed) Snapshot() *resources.Snapshot {
	snap := resources.NewSnapshot()
	for key, e := range f.entries {
		if e.good != nil {
			snap.Put(e.good)
		}
		if e.err != nil {
			snap.Broken = append(snap.Broken, resources.Broken{Key: key, Source: e.Source, Err: e.err, Kept: e.good != nil})
		}
	}
	slices.SortFunc(snap.Broken, func(a, b resources.Broken) int { return cmp.Compare(a.Source, b.Source) })
	return snap
}
