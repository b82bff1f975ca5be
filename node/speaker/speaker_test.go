package speaker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/status"
)

// A toy is an engine that remembers what it was told and refuses some of it.
// It fails the test when it is told what makes no sense.
type toy struct {
	t      *testing.T
	is     intent.BGP
	want   intent.BGP
	fails  func() bool
	resets int // sessions ended
	ears   ears
}

var errToy = errors.New("refused")

func (e *toy) addPeers(which []netip.AddrPort, peers map[netip.AddrPort]intent.Peer) []error {
	errs := make([]error, len(which))
	for i, at := range which {
		errs[i] = e.addPeer(at, peers[at])
	}
	return errs
}

func (e *toy) addPeer(at netip.AddrPort, p intent.Peer) error {
	if _, ok := e.is.Peers[at]; ok {
		e.t.Errorf("%v added twice", at)
	}
	if !cmp.Equal(e.want.Export, e.is.Export, compare) {
		e.t.Errorf("%v added before the policy is in force", at)
	}
	if e.fails() {
		return errToy
	}
	e.is.Peers[at] = p
	return nil
}

func (e *toy) removePeers(which, _ []netip.AddrPort) []error {
	errs := make([]error, len(which))
	for i, at := range which {
		errs[i] = e.removePeer(at)
	}
	return errs
}

func (e *toy) removePeer(at netip.AddrPort) error {
	if _, ok := e.is.Peers[at]; !ok {
		e.t.Errorf("%v removed, which isn't there", at)
	}
	if e.fails() {
		return errToy
	}
	delete(e.is.Peers, at)
	e.resets++
	return nil
}

func (e *toy) setRules(want intent.BGP, peers []netip.AddrPort) error {
	if e.fails() {
		return errToy
	}
	e.is.Export = want.Export
	for _, at := range peers {
		p, ok := e.is.Peers[at]
		if !ok {
			e.t.Errorf("%v has other filters, and isn't there", at)
		}
		p.Import, p.Export = want.Peers[at].Import, want.Peers[at].Export
		e.is.Peers[at] = p
	}
	return nil
}

func (e *toy) announce(p netip.Prefix, l intent.Local) error {
	if e.fails() {
		return errToy
	}
	e.is.Local[p] = l
	return nil
}

func (e *toy) withdraw(p netip.Prefix) error {
	if e.fails() {
		return errToy
	}
	delete(e.is.Local, p)
	return nil
}

func (e *toy) counts() map[netip.AddrPort]counts { return nil }
func (e *toy) reachChanged()                     {}
func (e *toy) release()                          {}
func (e *toy) hush()                             {}
func (e *toy) stop(string)                       { e.resets += len(e.is.Peers); e.is = clone(intent.BGP{}) }

// toySpeaker is a speaker over a toy.
func toySpeaker(t *testing.T, fails func() bool) (*Speaker, *toy) {
	s := New(slog.New(slog.NewTextHandler(io.Discard, nil)), Options{})
	t.Cleanup(s.Close)
	e := &toy{t: t, fails: fails, is: clone(intent.BGP{})}
	s.begin = func(want intent.BGP, x ears) (engine, error) {
		if fails() {
			return nil, errToy
		}
		e.is = clone(intent.BGP{ASN: want.ASN, RouterID: want.RouterID, Port: want.Port})
		e.want, e.ears = want, x
		return e, nil
	}
	return s, e
}

// anyBGP is one of a few thousand intents that have much in common.
func anyBGP(r *rand.Rand) intent.BGP {
	if r.IntN(12) == 0 {
		return intent.BGP{ASN: ownASN}
	}
	w := clone(intent.BGP{ASN: ownASN + uint32(r.IntN(8)/7), RouterID: ownID, Port: 179})
	for i := range byte(4) {
		if r.IntN(3) == 0 {
			continue
		}
		p := intent.Peer{Name: fmt.Sprint("p", r.IntN(2)), Type: status.Global, ASN: 64513 + uint32(r.IntN(2))}
		if r.IntN(3) == 0 {
			p.Password = resources.NewPassword(fmt.Sprint(r.IntN(2)))
		}
		if r.IntN(2) == 0 {
			p.Import = chain(fmt.Sprint("f", r.IntN(2)), "")
		}
		if r.IntN(2) == 0 {
			p.Export = chain(fmt.Sprint("f", r.IntN(2)), "")
		}
		w.Peers[netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, i}), 179+uint16(r.IntN(4)/3))] = p
	}
	for i := range byte(3) {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, i, 0, 0}), 16)
		if r.IntN(2) == 0 {
			w.Local[p] = intent.Local{Metric: uint32(r.IntN(2))}
		}
		if r.IntN(3) == 0 {
			w.Export.Accept = append(w.Export.Accept, p)
		}
	}
	return w
}

// told is what of an intent is told to peers.
func told(w intent.BGP) intent.BGP {
	if !w.Enabled() {
		return clone(intent.BGP{})
	}
	w = clone(w)
	for p := range w.Local {
		w.Local[p] = intent.Local{}
	}
	for at, p := range w.Peers {
		p.Name, p.Type = "", ""
		w.Peers[at] = p
	}
	return w
}

// TestAnyOrderEndsTheSame applies random intents one after the other, with
// steps that fail at random, and then the last one until it succeeds. The
// engine must be where it would be had there been only the last; nothing more
// happens after that, and have agrees with it.
func TestAnyOrderEndsTheSame(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		failing := seed%2 == 1
		s, e := toySpeaker(t, func() bool { return failing && r.IntN(5) == 0 })
		var last intent.BGP
		for range 1 + r.IntN(8) {
			last = anyBGP(r)
			e.want = last
			if err := s.Apply(context.Background(), last); err != nil && !errors.Is(err, errToy) {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for try := 0; s.Apply(context.Background(), last) != nil; try++ {
			if try == 200 {
				t.Fatalf("seed %d: does not converge", seed)
			}
		}
		if d := cmp.Diff(told(last), told(e.is), compare); d != "" {
			t.Fatalf("seed %d: the engine (-want +got):\n%s", seed, d)
		}
		want := last
		if !want.Enabled() {
			want = intent.BGP{}
		}
		if d := cmp.Diff(want, s.have, compare); d != "" {
			t.Fatalf("seed %d: have (-want +got):\n%s", seed, d)
		}
		resets := e.resets
		failing = false
		if err := s.Apply(context.Background(), last); err != nil || e.resets != resets {
			t.Fatalf("seed %d: once more: %v, %d sessions ended", seed, err, e.resets-resets)
		}
	}
}

// TestOthersGoOn: a peer that can't be had keeps none of the others from it,
// and is reported by name.
func TestOthersGoOn(t *testing.T) {
	at := func(n byte) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), 179) }
	refuse := true
	calls := 0
	s, e := toySpeaker(t, func() bool { calls++; return refuse && calls == 4 }) // start, policy, first peer, second peer
	want := intent.BGP{ASN: 1, RouterID: ownID, Peers: map[netip.AddrPort]intent.Peer{
		at(1): {Name: "one", ASN: 2}, at(2): {Name: "two", ASN: 2}, at(3): {Name: "three", ASN: 0}, at(4): {Name: "four", ASN: 2},
	}}
	err := s.Apply(context.Background(), want)
	const text = "peer 10.0.0.3:179 (three): as number 0 is reserved (RFC 7607)\nadd peer 10.0.0.2:179 (two): refused"
	if err == nil || err.Error() != text {
		t.Errorf("got %v\nwant %s", err, text)
	}
	if len(e.is.Peers) != 2 {
		t.Errorf("peers: %v", e.is.Peers)
	}
	states := func() map[string]string {
		m := map[string]string{}
		for _, p := range s.Peers() {
			m[p.Name] = p.State + " " + p.LastError
		}
		return m
	}
	if d := cmp.Diff(map[string]string{
		"one": "start ", "two": "down refused", "four": "start ",
		"three": "down peer 10.0.0.3:179 (three): as number 0 is reserved (RFC 7607)",
	}, states()); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	refuse = false
	three := want.Peers[at(3)]
	three.ASN = 2
	want.Peers = maps.Clone(want.Peers)
	want.Peers[at(3)] = three
	if err := s.Apply(context.Background(), want); err != nil || len(e.is.Peers) != 4 {
		t.Errorf("again: %v, %v", err, e.is.Peers)
	}

	if err := s.Apply(context.Background(), intent.BGP{ASN: 1, Peers: want.Peers}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("down this node has no router id: it needs an IPv4 address", states()["one"]); d != "" {
		t.Error(d)
	}
	s.Close()
	if err := s.Apply(context.Background(), want); err == nil {
		t.Error("a closed speaker was told to speak and did")
	}
	s.Close()
}
