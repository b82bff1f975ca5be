package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

func peerEntry(name, version, asn string) store.Entry {
	return store.Entry{
		Key: resources.Key{Kind: resources.KindBGPPeer, Name: name}, Source: "at/" + name, Version: version,
		Text: `{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"` + name + `"},"spec":{"peerIP":"192.0.2.1","asNumber":` + asn + `,"later":1}}`,
	}
}

func TestFeed(t *testing.T) {
	f := store.NewFeed()
	if !f.Replace([]store.Entry{peerEntry("a", "1", "1"), peerEntry("b", "2", "1")}) {
		t.Error("two new entries are no news")
	}
	first := f.Snapshot()
	if f.Replace([]store.Entry{peerEntry("b", "2", "1"), peerEntry("a", "1", "1")}) || f.Put(peerEntry("a", "1", "1")) {
		t.Error("the same again is news")
	}
	if f.Put(peerEntry("a", "7", "1")) || f.Snapshot().Peers["a"].ResourceVersion != "7" || first.Peers["a"].ResourceVersion != "1" {
		t.Error("another version that says the same is news, or is not taken in")
	}
	// Of a datastore that was lost and filled anew: the same version, and another text.
	if !f.Put(peerEntry("a", "7", "2")) {
		t.Error("another text in the same version is no news")
	}
	if !f.Put(peerEntry("b", "3", "many")) {
		t.Error("a broken entry is no news")
	}
	snap := f.Snapshot()
	if snap.Peers["a"].Spec.ASNumber != 2 || snap.Peers["b"] != first.Peers["b"] || first.Peers["a"].Spec.ASNumber != 1 {
		t.Errorf("peers are %+v, %+v", snap.Peers["a"], snap.Peers["b"])
	}
	if len(snap.Broken) != 1 || snap.Broken[0].Source != "at/b" || !snap.Broken[0].Kept || !strings.HasPrefix(snap.Broken[0].Err.Error(), "is no BGPPeer") {
		t.Errorf("broken are %+v", snap.Broken)
	}
	unread := peerEntry("b", "3", "")
	unread.Text, unread.Err = "", errors.New("it can't be read")
	if !f.Put(unread) || f.Put(unread) || f.Snapshot().Broken[0].Err.Error() != "it can't be read" {
		t.Error("an entry that has no text is not told as it should be")
	}
	if !f.Replace([]store.Entry{peerEntry("a", "7", "2")}) || f.Remove(peerEntry("b", "", "").Key) || !f.Remove(peerEntry("a", "", "").Key) {
		t.Error("removals are not told as they should be")
	}
	if snap := f.Snapshot(); len(snap.Peers)+len(snap.Broken) != 0 {
		t.Errorf("an empty feed shows %+v", snap)
	}
	f.Put(peerEntry("b", "4", "many"))
	if snap := f.Snapshot(); len(snap.Peers) != 0 || len(snap.Broken) != 1 || snap.Broken[0].Kept {
		t.Errorf("an entry that comes back broken shows %+v", snap.Broken)
	}
}
