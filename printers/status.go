package printers

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/calctl/calctl/status"
)

// A StatusPrinter writes a node's report. now says which day is today, and in
// which time zone times are told.
type StatusPrinter func(w io.Writer, r status.Report, now time.Time) error

// StatusFormats are the names StatusByName knows, for people.
const StatusFormats = "table, wide, json, yaml"

// StatusByName finds the StatusPrinter for the value of an -o flag; "" is the
// table. The error lists the formats there are.
func StatusByName(format string) (StatusPrinter, error) {
	switch format {
	case "", "table", "ps":
		return Status, nil
	case "wide":
		return StatusWide, nil
	case "json":
		return func(w io.Writer, r status.Report, _ time.Time) error { return writeJSON(w, r) }, nil
	case "yaml", "yml":
		return func(w io.Writer, r status.Report, _ time.Time) error { return writeYAML(w, r) }, nil
	default:
		return nil, fmt.Errorf("unrecognized output format '%s'; there are %s", format, StatusFormats)
	}
}

// Status writes a report in calicoctl's layout, followed by what is wrong, if
// anything is.
func Status(w io.Writer, r status.Report, now time.Time) error {
	return writeStatus(w, r, now, false)
}

// StatusWide is Status with a block about the node in front and more columns.
func StatusWide(w io.Writer, r status.Report, now time.Time) error {
	return writeStatus(w, r, now, true)
}

func writeStatus(w io.Writer, r status.Report, now time.Time, wide bool) error {
	var b strings.Builder
	b.WriteString("Calico process is running.\n")
	if wide {
		b.WriteString("\n" + nodeBlock(r, now))
	}
	for _, family := range []struct {
		name string
		has  func(netip.Addr) bool
	}{
		{"IPv4", func(a netip.Addr) bool { return !isIPv6(a) }},
		{"IPv6", isIPv6},
	} {
		fmt.Fprintf(&b, "\n%s BGP status\n", family.name)
		peers := peersOf(r, family.has)
		if len(peers) == 0 {
			fmt.Fprintf(&b, "No %s peers found.\n", family.name)
			continue
		}
		if err := boxed(&b, rows(peerColumns(now), peers, wide)); err != nil {
			return err
		}
	}
	b.WriteString("\n")
	b.WriteString(troubles(r, now))
	_, err := io.WriteString(w, b.String())
	return err
}

func isIPv6(a netip.Addr) bool { return a.IsValid() && !a.Unmap().Is4() }

func peersOf(r status.Report, has func(netip.Addr) bool) []status.Peer {
	var peers []status.Peer
	for _, p := range r.Peers {
		if has(p.Address) {
			peers = append(peers, p)
		}
	}
	slices.SortStableFunc(peers, func(a, b status.Peer) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Port, b.Port))
	})
	return peers
}

func peerColumns(now time.Time) []Column[status.Peer] {
	return []Column[status.Peer]{
		{Name: "PEER ADDRESS", Value: peerAddress},
		{Name: "PEER TYPE", Value: func(p status.Peer) string { return string(p.Type) }},
		{Name: "ASN", Wide: true, Value: func(p status.Peer) string { return fmt.Sprint(p.ASNumber) }},
		{Name: "LOCAL ADDRESS", Wide: true, Value: func(p status.Peer) string { return p.LocalAddress }},
		{Name: "STATE", Value: func(p status.Peer) string { return p.State }},
		{Name: "SINCE", Value: func(p status.Peer) string { return since(p.Since, now) }},
		{Name: "UPTIME", Wide: true, Value: func(p status.Peer) string {
			if p.State != status.StateUp {
				return "-"
			}
			return span(now.Sub(p.Since))
		}},
		{Name: "ROUTES IN", Wide: true, Value: func(p status.Peer) string { return fmt.Sprint(p.RoutesIn) }},
		{Name: "ROUTES OUT", Wide: true, Value: func(p status.Peer) string { return fmt.Sprint(p.RoutesOut) }},
		{Name: "INFO", Value: func(p status.Peer) string {
			if p.State == status.StateUp {
				return p.BGPState
			}
			info := strings.TrimSpace(p.BGPState + " " + p.LastError)
			if p.AttemptError != "" {
				info += "; since then: " + p.AttemptError
			}
			return info
		}},
	}
}

// peerAddress shows the port when it isn't BGP's own.
func peerAddress(p status.Peer) string {
	switch {
	case !p.Address.IsValid():
		return "-"
	case p.Port == 0 || p.Port == 179:
		return p.Address.String()
	default:
		return netip.AddrPortFrom(p.Address, p.Port).String()
	}
}

// since tells a moment as BIRD does: the time when it was today, else the date.
func since(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateOnly)
}

// span tells a length of time in its two largest units: 42s, 3m12s, 5h7m, 12d3h.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0) // clocks get set back
	switch {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	default:
		return fmt.Sprintf("%ds", d/time.Second)
	}
}

// nodeBlock says who the node is and what it holds.
func nodeBlock(r status.Report, now time.Time) string {
	lines := [][2]string{
		{"Node", fmt.Sprintf("%s (calctl %s, pid %d, up %s)", r.Node, r.Version, r.PID, span(now.Sub(r.Started)))},
		{"AS number", fmt.Sprint(r.ASNumber)},
		{"Router ID", cmp.Or(r.RouterID, "-")},
		{"Datastore", fmt.Sprintf("%s (read %s)", r.Datastore.Location, since(r.Datastore.Updated, now))},
		{"Routes", fmt.Sprintf("%d wanted, %d installed, %d stale", r.Routes.Wanted, r.Routes.Installed, r.Routes.Stale)},
	}
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "%-11s%s\n", line[0]+":", printable(line[1]))
	}
	return b.String()
}

// troubles lists what is wrong: nothing when nothing is.
func troubles(r status.Report, now time.Time) string {
	var b strings.Builder
	if len(r.Problems) > 0 {
		b.WriteString("Problems:\n")
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "  %s: %s\n", printable(p.Subject), printable(p.Text))
		}
		b.WriteString("\n")
	}
	if r.Datastore.Error != "" {
		fmt.Fprintf(&b, "The datastore %s is not followed since %s:\n", printable(r.Datastore.Location), since(r.Datastore.Since, now))
		for _, line := range strings.Split(r.Datastore.Error, "\n") {
			fmt.Fprintf(&b, "  %s\n", printable(line))
		}
		b.WriteString("\n")
	}
	if n := max(r.Routes.NotInstalled, len(r.Routes.Failed)); n > 0 {
		fmt.Fprintf(&b, "Routes that are not in the kernel: %d\n", n)
		for _, f := range r.Routes.Failed {
			fmt.Fprintf(&b, "  %s: %s\n", f.Prefix, printable(f.Reason))
		}
		if more := n - len(r.Routes.Failed); more > 0 && len(r.Routes.Failed) > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
		b.WriteString("\n")
	}
	return b.String()
}
