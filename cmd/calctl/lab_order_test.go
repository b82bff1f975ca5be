package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy/policytest"
	"github.com/calctl/calctl/status"
)

// ours are the routes that calctl has in the kernel of a host.
func ours(h *lab.Host) string {
	lines := strings.Split(h.IP("-4", "route", "show", "proto", "179")+"\n"+h.IP("-6", "route", "show", "proto", "179"), "\n")
	for i, l := range lines {
		words := slices.DeleteFunc(strings.Fields(l), func(w string) bool { return w == "nhid" })
		for j := range words {
			if _, err := fmt.Sscan(words[j], new(int)); err == nil && j > 0 && words[j-1] != "metric" {
				words[j] = "" // the number of a next-hop object
			}
		}
		lines[i] = strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	}
	slices.Sort(lines)
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n")
}

// forget takes calctl's routes out of a kernel. Those by next-hop objects go with the
// objects, as iproute2 doesn't flush them; and it stops where calctl deletes one at the
// same time, which is as good.
func forget(h *lab.Host) {
	_, _ = h.Try("ip", "nexthop", "flush", "proto", "179")
	for _, family := range []string{"-4", "-6"} {
		_, _ = h.Try("ip", family, "route", "flush", "proto", "179")
	}
}

// stateOf is what a node says of itself that has nothing to do with the way it came
// there, when all its sessions are up and its routes in the kernel.
func stateOf(n *lab.Calctl) (string, error) {
	r, err := n.Status()
	if err == nil && (r.Routes.Wanted == 0 || r.Routes.Installed != r.Routes.Wanted) {
		err = fmt.Errorf("%d of %d routes are in the kernel", r.Routes.Installed, r.Routes.Wanted)
	}
	if err != nil {
		return "", err
	}
	for i := range r.Peers {
		p := &r.Peers[i]
		if p.State != status.StateUp {
			return "", fmt.Errorf("the session with %v is %s", p.Address, p.State)
		}
		p.Since, p.LastError, p.AttemptError = time.Time{}, "", ""
	}
	text, err := json.MarshalIndent(struct {
		Peers    []status.Peer
		Routes   status.Routes
		Problems []status.Problem
	}{r.Peers, r.Routes, r.Problems}, "", " ")
	return string(text), err
}

// A way is how a node comes to the last of some resources.
type way struct {
	name  string
	steps []string
	wait  bool // until each step has done its work
	// before is what happens before a step; after sees to it that it is over, when
	// all steps are done.
	before func(step int)
	after  func()
	loses  string // the neighbour whose sessions end on the way
}

// TestLabAnyOrder: a node goes through the same policies forward, backward, some
// at once, and with things going wrong on the way: files that can't be read,
// routes that somebody takes out of the kernel, a kernel that refuses routes, a
// neighbour that is killed and comes back. At the end of each way its
// neighbours hear the same, its kernel has the same and it says the same of itself;
// sessions are the ones it had at first. Peers that come and go on the way, and answer to
// nobody, leave nothing behind.
func TestLabAnyOrder(t *testing.T) {
	t.Parallel()
	w, d := policyLab(t, 3), policytest.New(3)
	r1 := w.r1
	node := r1.Calctl()
	passing := `---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: passing}
spec: {peerIP: 192.168.2.77, asNumber: 65007, filters: [a]}
`
	var list []string
	for range 6 {
		list = append(list, w.resources(t, d))
	}
	last := list[len(list)-1]
	backward := slices.Clone(list)
	slices.Reverse(backward)
	backward = append(backward, last)
	want := w.foretold(t, last)

	node.Apply(list[0])
	node.Start()
	up := w.sessions(t, node)

	broken := filepath.Join(node.Store, "bgpfilters", "broken.yaml")
	mishaps := func(step int) {
		forget(r1)
		if step == 1 {
			if err := os.WriteFile(broken, []byte("kind: [nonsense"), 0o600); err != nil {
				t.Fatal(err)
			}
			lab.Until(t, 10*time.Second, "the problem of the file", func() error {
				r, err := node.Status()
				if err == nil && len(r.Problems) == 0 {
					err = errors.New("there is none")
				}
				return err
			})
		}
	}
	mend := func() {
		if err := os.Remove(broken); err != nil {
			t.Fatal(err)
		}
	}
	// Somebody else's routes are where ours are to be in the end, from a step on after
	// which many of those are not there.
	var obstacles [][]string
	blocked := 0
	for i, step := range list[:len(list)-1] {
		if found := inTheWay(want, w.foretold(t, step)); len(found) > len(obstacles) {
			obstacles, blocked = found, i
		}
	}
	if len(obstacles) == 0 {
		t.Fatal("the kernel has nothing at the end that it has not before")
	}
	block := func(step int) {
		if step != blocked+1 {
			return
		}
		lab.Until(t, 20*time.Second, "the step before", w.looks(w.foretold(t, list[blocked])))
		for _, o := range obstacles {
			r1.IP(append([]string{"route", "add"}, o...)...)
		}
	}
	unblock := func() {
		lab.Until(t, 20*time.Second, "routes that the kernel refuses", func() error {
			r, err := node.Status()
			if err == nil && r.Routes.NotInstalled != len(obstacles) {
				err = fmt.Errorf("%d are not in the kernel, want %d", r.Routes.NotInstalled, len(obstacles))
			}
			return err
		})
		for _, o := range obstacles {
			r1.IP(append([]string{"route", "del"}, o...)...)
		}
	}
	t1 := &w.neighbours[0]
	lose := func(step int) {
		switch step {
		case 1:
			t1.bird.Kill()
		case 4:
			t1.bird = t1.host.Bird(t1.config(w.offers))
		}
	}
	first, kernel := "", ""
	for _, way := range []way{
		{name: "forward", steps: list, wait: true},
		{name: "backward", steps: backward, wait: true},
		{name: "in a hurry", steps: list},
		{name: "all at once", steps: []string{last}},
		{name: "with mishaps", steps: list, wait: true, before: mishaps, after: mend},
		{name: "with mishaps, in a hurry", steps: list, before: mishaps, after: mend},
		{name: "while the kernel refuses", steps: list, before: block, after: unblock},
		{name: "while a neighbour is away", steps: list, before: lose, after: func() { w.sessions(t, node) }, loses: t1.name},
		{name: "backward, while a neighbour is away", steps: backward, before: lose, after: func() { w.sessions(t, node) }, loses: t1.name},
	} {
		for i, step := range way.steps {
			if way.before != nil {
				way.before(i)
			}
			node.Apply(step + passing)
			if way.wait {
				lab.Until(t, 20*time.Second, fmt.Sprintf("%s, step %d", way.name, i), w.looks(w.foretold(t, step)))
			}
		}
		node.Do("delete", "bgppeer", "passing")
		if way.after != nil {
			way.after()
		}
		lab.Until(t, 20*time.Second, way.name+": what neighbours hear at the end", w.looks(want))
		lab.Until(t, 20*time.Second, way.name+": what is in the kernel, and in status", func() error {
			now, err := stateOf(node)
			has := ours(r1)
			if first == "" && err == nil {
				first, kernel = now, has
			}
			if err == nil && (now != first || has != kernel) {
				err = fmt.Errorf("otherwise than at first:\n%s\n%s", cmp.Diff(first, now), cmp.Diff(kernel, has))
			}
			return err
		})
		for at, since := range w.sessions(t, node) {
			if lost := way.loses != "" && (at == t1.addr(true, 2) || at == t1.addr(false, 2)); since.Equal(up[at]) == lost {
				t.Errorf("%s: the session with %s is up since %v, was since %v", way.name, at, since, up[at])
			}
			up[at] = since
		}
	}
}

// inTheWay are routes, in the words of ip, at the places of some that the kernel has in
// one picture, and not in another.
func inTheWay(later, earlier picture) (list [][]string) {
	for s, f := range later {
		if _, had := earlier[s]; s.who == "kernel" && !had {
			list = append(list, append([]string{"blackhole", s.prefix.String(), "proto", "static"}, strings.Fields(f.policy)...))
		}
	}
	slices.SortFunc(list, slices.Compare[[]string])
	return list[:min(len(list), 20)]
}
