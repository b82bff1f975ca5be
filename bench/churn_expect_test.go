package bench

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/lab"
)

// expected works out from what the peers say what must be in the kernel: the
// next hops of every prefix. It is the decision of RFC 4271 §9.1.2.2 with
// Calico's "merge paths", for as much as differs among these peers.
func expected(peers []*churner) map[netip.Prefix]string {
	type path struct {
		told
		*churner
	}
	paths := map[netip.Prefix][]path{}
	for _, c := range peers {
		for p, what := range c.table {
			paths[p] = append(paths[p], path{what, c})
		}
	}
	want := make(map[netip.Prefix]string, len(paths))
	for prefix, list := range paths {
		shortest := slices.MinFunc(list, func(a, b path) int { return a.length - b.length }).length
		list = slices.DeleteFunc(list, func(p path) bool { return p.length > shortest })
		var best *path
		for i := range list {
			p := &list[i]
			loses := slices.ContainsFunc(list, func(q path) bool { return q.asn == p.asn && q.med < p.med })
			if !loses && (best == nil || p.id.Less(best.id)) {
				best = p
			}
		}
		var hops []netip.Addr
		for _, p := range list {
			if p.asn != best.asn || p.med == best.med {
				hops = append(hops, p.nextHop)
			}
		}
		want[prefix] = written(hops)
	}
	return want
}

// written is a set of next hops in words.
func written(hops []netip.Addr) string {
	slices.SortFunc(hops, netip.Addr.Compare)
	var b strings.Builder
	for _, h := range slices.Compact(hops) {
		b.WriteString(h.String() + " ")
	}
	return b.String()
}

// routesOf reads calctl's routes from a host's kernel, with their next hops.
func routesOf(h *lab.Host) (map[netip.Prefix]string, error) {
	got := map[netip.Prefix]string{}
	for _, family := range []string{"-4", "-6"} {
		out, err := h.Command("ip", family, "-j", "route", "show", "proto", "179").Output()
		if err != nil {
			return nil, err
		}
		type hop struct{ Gateway netip.Addr }
		var routes []struct {
			hop
			Dst      netip.Prefix
			Nexthops []hop
		}
		if err := json.Unmarshal(out, &routes); err != nil {
			return nil, fmt.Errorf("ip %s route: %w", family, err)
		}
		for _, r := range routes {
			hops := []netip.Addr{r.Gateway}
			if len(r.Nexthops) > 0 {
				hops = hops[:0]
				for _, n := range r.Nexthops {
					hops = append(hops, n.Gateway)
				}
			}
			if twice, ok := got[r.Dst]; ok {
				return nil, fmt.Errorf("%v is there twice: %s and %s", r.Dst, twice, written(hops))
			}
			got[r.Dst] = written(hops)
		}
	}
	return got, nil
}

// same reports how the kernel's routes differ from those wanted.
func same(got, want map[netip.Prefix]string) error {
	var wrong []string
	for p, hops := range want {
		if got[p] != hops {
			wrong = append(wrong, fmt.Sprintf("%v via %q, want %q", p, got[p], hops))
		}
	}
	for p, hops := range got {
		if _, ok := want[p]; !ok {
			wrong = append(wrong, fmt.Sprintf("%v via %q, want none", p, hops))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%d of %d routes are wrong: %s", len(wrong), len(want), strings.Join(wrong[:min(5, len(wrong))], "; "))
}
