package speaker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy"
)

// TestAddPath: a peer that agrees hears every path that passes, one that doesn't
// the best; and it is told of no more than what changes.
func TestAddPath(t *testing.T) {
	f := fars(t, 4)
	f[0].bird(bird{asn: 64513, routes: []string{"10.9.0.0/24"}})
	second := f[1].bird(bird{asn: 64514, routes: []string{"10.9.0.0/24"}})
	many := f[2].bird(bird{asn: 64515, addPath: true})
	few := f[3].bird(bird{asn: 64516})
	s := speak(t)
	want := func(export string) intent.BGP {
		w := bgpWith(f[0].peer4(64513), f[1].peer4(64514),
			f[2].peer4(64515, func(p *intent.Peer) { p.Export = rules(t, export) }), f[3].peer4(64516))
		w.Export = policy.Export{Accept: prefixes("10.9.0.0/16")}
		return w
	}
	hears := func(b *lab.Bird, neighbours ...string) {
		t.Helper()
		lab.Until(t, 15*time.Second, "paths by "+strings.Join(neighbours, " and "), func() error {
			got := b.CLI("show route 10.9.0.0/24 all")
			var words []string
			for _, n := range neighbours {
				words = append(words, "BGP.as_path: 64512 "+n+"\n")
			}
			if n := strings.Count(got, "BGP.as_path"); n != len(neighbours) {
				return fmt.Errorf("%d paths:\n%s", n, got)
			}
			return lab.Contains(got, words...)
		})
	}
	s.apply(want("[]"))
	hears(many, "64513", "64514")
	hears(few, "64513")
	up := s.since(f[2].addr4())

	s.apply(want("- {action: Reject, asPathPrefix: [64512, 64513]}"))
	hears(many, "64514")
	s.apply(want("[]"))
	hears(many, "64513", "64514")

	second.CLI("disable static_ipv4")
	hears(many, "64513")
	second.CLI("enable static_ipv4")
	hears(many, "64513", "64514")
	hears(few, "64513")

	// A local route is a path like others.
	w := want("[]")
	w.Local[prefixes("10.9.0.0/24")[0]] = intent.Local{}
	s.apply(w)
	lab.Until(t, 15*time.Second, "three paths", func() error {
		got := many.CLI("show route 10.9.0.0/24 all")
		if n := strings.Count(got, "BGP.as_path"); n != 3 {
			return fmt.Errorf("%d paths:\n%s", n, got)
		}
		return nil
	})
	s.apply(want("[]"))
	hears(many, "64513", "64514")
	if !s.since(f[2].addr4()).Equal(up) {
		t.Error("the session was reset")
	}
}
