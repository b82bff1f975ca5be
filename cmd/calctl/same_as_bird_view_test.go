package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/lab"
)

// view is all there is to see of r1: what its neighbours know of their sessions with
// it and have by it, and what it has put into its kernel, a line each.
func (p *place) view(r1 *lab.Host, birds []*lab.Bird) ([]string, error) {
	var all []string
	for i, b := range birds {
		for _, family := range []string{"ipv4", "ipv6"} {
			who := fmt.Sprintf("n%d %s ", p.neighbours[i].host, family)
			for _, line := range append(sessionView(b.CLI("show protocols all r1_"+family)), tableView(b.CLI("show route protocol r1_"+family+" all"))...) {
				all = append(all, who+line)
			}
		}
	}
	kernel, err := kernelView(r1)
	return append(all, kernel...), err
}

// complete reports whether a view has as many routes as there have to be.
func (p *place) complete(view []string) error {
	count := func(prefix string, want int) error {
		got := 0
		for _, line := range view {
			if strings.HasPrefix(line, prefix) {
				got++
			}
		}
		if got != want {
			return fmt.Errorf("%d of %s, want %d, in\n%s", got, prefix, want, strings.Join(view, "\n"))
		}
		return nil
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		for _, n := range p.neighbours {
			if err := count(fmt.Sprintf("n%d %s session Established", n.host, family), 1); err != nil {
				return err
			}
			if err := count(fmt.Sprintf("n%d %s route ", n.host, family), n.hears); err != nil {
				return err
			}
		}
		installed := p.installed
		if family == "ipv6" && p.six > 0 {
			installed = p.six
		}
		if err := count("kernel "+family+" ", installed); err != nil {
			return err
		}
	}
	return nil
}

// sessionView are the facts of a session that r1 decides, of BIRD's words on it.
func sessionView(shown string) []string {
	state := "session"
	var facts []string
	for line := range strings.Lines(shown) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); key {
		case "BGP state":
			state += " " + value
		case "Neighbor ID", "Session", "Restart time", "Source address":
			facts = append(facts, "session "+key+": "+value)
		case "Hold timer", "Keepalive timer":
			_, whole, _ := strings.Cut(value, "/")
			facts = append(facts, "session "+key+": "+whole)
		}
	}
	return append([]string{state}, facts...)
}

// tableView are the routes that BIRD shows, with their attributes, sorted.
func tableView(shown string) []string {
	var all []string
	prefix, route := "", []string(nil)
	end := func() {
		if route != nil {
			all = append(all, strings.Join(route, ", "))
		}
		route = nil
	}
	for line := range strings.Lines(shown) {
		word := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "\t"):
			if attribute, ok := strings.CutPrefix(word, "BGP."); ok && route != nil {
				route = append(route, comparable(attribute))
			}
		case strings.HasPrefix(line, " "): // another route to the same prefix
			end()
			route = []string{"route " + prefix}
		case line[0] >= '0' && line[0] <= '9' || line[0] >= 'a' && line[0] <= 'f' || line[0] == ':':
			end()
			prefix = strings.Fields(line)[0]
			if strings.Contains(prefix, "/") {
				route = []string{"route " + prefix}
			}
		}
	}
	end()
	slices.Sort(all)
	return all
}

// kernelView is what r1 has put into its kernel, sorted.
func kernelView(r1 *lab.Host) ([]string, error) {
	var all []string
	for flag, family := range map[string]string{"-4": "ipv4", "-6": "ipv6"} {
		out, err := r1.Try("ip", "-j", flag, "route", "show", "table", "main")
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		type hop struct{ Gateway, Dev string }
		var routes []struct {
			Type, Dst, Protocol string
			Metric              uint32
			hop
			Nexthops []hop
		}
		if err := json.Unmarshal([]byte(out), &routes); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		for _, r := range routes {
			if r.Protocol != "bird" && r.Protocol != "179" { // a difference: docs/reference/differences.md, Node
				continue
			}
			words := []string{"kernel", family, r.Dst, fmt.Sprint("metric ", r.Metric)}
			switch {
			case r.Type != "" && r.Type != "unicast":
				words = append(words, r.Type) // IPv6 has its unreachable routes on lo
			case len(r.Nexthops) == 0:
				words = append(words, "via", r.Gateway, r.Dev)
			}
			var hops []string
			for _, h := range r.Nexthops {
				hops = append(hops, "via "+h.Gateway+" "+h.Dev)
			}
			slices.Sort(hops)
			all = append(all, strings.Join(append(words, hops...), " "))
		}
	}
	slices.Sort(all)
	return all, nil
}

// comparable is an attribute without what may differ. Communities are a set, and BIRD
// has another order than we ("Node" in docs/reference/differences.md).
func comparable(attribute string) string {
	name, value, _ := strings.Cut(attribute, ": ")
	if !strings.HasSuffix(name, "community") {
		return attribute
	}
	list := strings.Split(value, ") (")
	for i := range list {
		list[i] = strings.Trim(list[i], "()")
	}
	slices.Sort(list)
	return name + ": " + strings.Join(list, " ")
}

// birdOnce takes the kernel's routes away from a BIRD that has several to one prefix, so
// that its next scan brings the one it means: BIRD 2 leaves what it has put there when
// it puts a route with another metric in its place (The BIRD configuration in
// docs/reference/dry-run.md).
func birdOnce(r1 *lab.Host) {
	for _, family := range []string{"-4", "-6"} {
		seen := map[string]bool{}
		for line := range strings.Lines(r1.IP(family, "route", "show", "proto", "bird")) {
			words := strings.Fields(line)
			if words = slices.DeleteFunc(words, isType); line[0] == '\t' || len(words) == 0 {
				continue
			}
			if seen[words[0]] {
				r1.IP(family, "route", "flush", "proto", "bird")
				break
			}
			seen[words[0]] = true
		}
	}
}

func isType(word string) bool {
	return word == "unreachable" || word == "blackhole" || word == "prohibit"
}
