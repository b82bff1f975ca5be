package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy/policytest"
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
// objects: iproute2 doesn't flush them.
func forget(h *lab.Host) {
	h.IP("nexthop", "flush", "proto", "179")
	for _, family := range []string{"-4", "-6"} {
		h.IP(family, "route", "flush", "proto", "179")
	}
}

// TestLabAnyOrder: a node goes through the same policies forward, backward, some
// at once, and with things going wrong on the way: files that can't be read, and
// routes that somebody takes out of the kernel. At the end of each way its
// neighbours hear the same and its kernel has the same, and its sessions are the
// ones it had at first. Peers that come and go on the way, and answer to nobody,
// leave nothing behind.
func TestLabAnyOrder(t *testing.T) {
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
	ways := []struct {
		name  string
		steps []string
		ill   bool // things go wrong on the way
		wait  bool // until each step has done its work
	}{
		{name: "forward", steps: list, wait: true},
		{name: "backward", steps: backward, wait: true},
		{name: "in a hurry", steps: list},
		{name: "all at once", steps: []string{last}},
		{name: "with failures", steps: list, ill: true, wait: true},
		{name: "with failures, in a hurry", steps: list, ill: true},
	}
	first := ""
	for _, way := range ways {
		for i, step := range way.steps {
			if way.ill && i == 1 {
				if err := os.WriteFile(broken, []byte("kind: [nonsense"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if way.ill {
				forget(r1)
			}
			node.Apply(step + passing)
			if way.wait {
				if way.ill && i == 1 {
					lab.Until(t, 10*time.Second, "the problem of the file", func() error {
						r, err := node.Status()
						if err == nil && len(r.Problems) == 0 {
							err = errors.New("there is none")
						}
						return err
					})
				}
				lab.Until(t, 20*time.Second, fmt.Sprintf("%s, step %d", way.name, i), w.looks(w.foretold(t, step)))
			}
		}
		node.Do("delete", "bgppeer", "passing")
		if way.ill {
			if err := os.Remove(broken); err != nil {
				t.Fatal(err)
			}
		}
		lab.Until(t, 20*time.Second, way.name+": what neighbours hear at the end", w.looks(want))
		lab.Until(t, 20*time.Second, way.name+": what is in the kernel, and in status", func() error {
			r, err := node.Status()
			switch {
			case err != nil:
				return err
			case r.Routes.Wanted == 0 || r.Routes.Installed != r.Routes.Wanted:
				return fmt.Errorf("%d of %d routes are in the kernel", r.Routes.Installed, r.Routes.Wanted)
			case len(r.Peers) != len(up) || len(r.Problems) > 0:
				return fmt.Errorf("%d peers, want %d; problems %v", len(r.Peers), len(up), r.Problems)
			}
			now := ours(r1)
			if first == "" && now != "" {
				first = now
			}
			if now == "" || now != first {
				return errors.New("the kernel has\n" + now + "\nand had\n" + first)
			}
			return nil
		})
	}
	w.undisturbed(t, node, up)
}
