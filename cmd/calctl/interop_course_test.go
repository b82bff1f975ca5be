package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// A speaking is another program that speaks BGP as r2, seen by what its own
// tools say.
type speaking interface {
	Kill()
	// view is what it says of a prefix we told it; "" or other words when it
	// has none.
	view(prefix string) string
	// session is what it says of its session with us, an IPv4 or IPv6 one.
	session(six bool) string
	// refresh asks us for our IPv4 routes once more.
	refresh()
	// shutdown ends the IPv4 session with words for our operator.
	shutdown(words string)
}

// A neighbour is how a program is told to be r2, and how it puts things.
type neighbour struct {
	// start starts it; again says that it was killed and its routes may be kept.
	start func(r2 *lab.Host, again bool) speaking
	path  string // our AS path in its view
	down  string // what its session says when there is none
	gone  string // what its session says of "peer de-configured"
	keeps bool   // it keeps our routes while we restart
	// forgotten: its OPEN names no family whose routes we should keep while it
	// restarts.
	forgotten bool
	silent    bool // it can't ask for a refresh
	mute      bool // it closes a session without a NOTIFICATION
}

// What r1 is told in every course. AS 4200000001 needs four octets.
const interopR1 = `
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r1}
spec: {bgp: {asNumber: 4200000001, ipv4Address: 192.168.1.1/24, ipv6Address: "fd01::1/64"}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.0.0.0/8}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v6}
spec: {cidr: "fd10::/16"}
---
apiVersion: v1
kind: Secret
metadata: {name: bgp}
stringData: {r2: s3cret}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2-v4}
spec: {peerIP: 192.168.1.2, asNumber: 64513, password: {secretKeyRef: {name: bgp, key: r2}}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2-v6}
spec: {peerIP: "fd01::2", asNumber: 64513, password: {secretKeyRef: {name: bgp, key: r2}}}
`

// course puts a neighbour through everything that two speakers do together.
func course(t *testing.T, n neighbour) {
	t.Parallel()
	l := lab.New(t)
	r1, r2 := l.Host("r1"), l.Host("r2")
	l.Link(r1, "eth0", []string{"192.168.1.1/24", "fd01::1/64"}, r2, "eth0", []string{"192.168.1.2/24", "fd01::2/64"})
	stub(r1, "10.1.0.1/24", "fd10:1::1/64")
	wire := r1.Capture("eth0")
	peer := n.start(r2, false)
	node := r1.Calctl()
	node.Apply(interopR1)
	node.Start()

	established := func(limit time.Duration) {
		t.Helper()
		node.Established("192.168.1.2", limit)
		node.Established("fd01::2", limit)
	}
	ourKernel := func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2 dev eth0 proto 179")(), hasRoute(r1, "fd10:2::/64", "dev eth0 proto 179")())
	}
	theirView := func() error {
		return errors.Join(lab.Contains(peer.view("10.1.0.0/24"), "192.168.1.1", n.path), lab.Contains(peer.view("fd10:1::/64"), "fd01::1", n.path))
	}
	onTheirSide := func(six bool, words ...string) func() error {
		return func() error { return lab.Contains(peer.session(six), words...) }
	}

	t.Log("sessions with MD5, routes of both families both ways")
	established(15 * time.Second)
	lab.Until(t, 10*time.Second, "their routes in our kernel", ourKernel)
	lab.Until(t, 10*time.Second, "our routes in their view", theirView)

	if !n.silent {
		t.Log("route refresh")
		peer.refresh()
		lab.Until(t, 10*time.Second, "the table once more after a ROUTE-REFRESH", func() error {
			asked, _, _ := strings.Cut(wire.Show("ip.src==192.168.1.2 && bgp.type==5"), "\n")
			if asked == "" {
				return errors.New("nobody has asked")
			}
			if wire.Show("ip.src==192.168.1.1 && bgp.nlri_prefix==10.1.0.0 && frame.number>"+asked) == "" {
				return errors.New("no answer to packet " + asked)
			}
			return nil
		})
	}

	t.Log("graceful restart: the peer is killed and comes back")
	watch := r1.Start("ip", "-ts", "monitor", "route")
	peer.Kill()
	lab.Until(t, 10*time.Second, "the sessions to end", func() error {
		for _, addr := range []string{"192.168.1.2", "fd01::2"} {
			if p, err := node.Peer(addr); err != nil || p.State == status.StateUp {
				return fmt.Errorf("%s: %s %w", addr, p.State, err)
			}
		}
		return nil
	})
	if n.forgotten {
		lab.Until(t, 5*time.Second, "routes nobody asked to keep gone", noRoute(r1, "10.2.0.0/24"))
		lab.Until(t, 5*time.Second, "routes nobody asked to keep gone", noRoute(r1, "fd10:2::/64"))
	} else if err := ourKernel(); err != nil {
		t.Errorf("a peer that restarts took its routes: %v", err)
	}
	peer = n.start(r2, true)
	established(30 * time.Second)
	lab.Until(t, 10*time.Second, "our routes in the new program's view", theirView)
	lab.Until(t, 10*time.Second, "their routes in our kernel", ourKernel)
	for line := range strings.Lines(watch.Output()) {
		if n.forgotten {
			break
		}
		if strings.Contains(line, "Deleted 10.2.0.0/24") || strings.Contains(line, "Deleted fd10:2::/64") {
			t.Errorf("a route was away for a while: %s", line)
		}
	}

	t.Log("graceful restart: calctl is killed and comes back")
	node.Kill()
	lab.Until(t, 10*time.Second, "them to notice", onTheirSide(false, n.down))
	lab.Until(t, 10*time.Second, "them to notice", onTheirSide(true, n.down))
	if n.keeps {
		if err := theirView(); err != nil {
			t.Errorf("the peer has not kept our routes: %v", err)
		}
	}
	const clock = "2006-01-02 15:04:05.000000"
	back := time.Now().Format(clock)
	node.Start()
	established(45 * time.Second)
	up := time.Now().Format(clock)
	lab.Until(t, 10*time.Second, "our routes in their view", theirView)
	if err := ourKernel(); err != nil {
		t.Error(err)
	}

	t.Log("notifications")
	peer.shutdown("moving house")
	lab.Until(t, 10*time.Second, "their goodbye", func() error {
		p, err := node.Peer("192.168.1.2")
		if err != nil {
			return err
		}
		if n.mute { // and is back at once: the status has no error any more
			return lab.Contains(node.Output(), "connection closed by the peer")
		}
		return lab.Contains(p.LastError, "received Cease/Administrative Shutdown", `"moving house"`)
	})
	node.Do("delete", "bgppeer", "r2-v6")
	lab.Until(t, 10*time.Second, "our goodbye", onTheirSide(true, n.gone))

	t.Log("what Wireshark says")
	wellFormed(t, wire, "192.168.1.1", "fd01::1", "ipv6.src==fd01::1 && bgp.notify.minor_error_cease==3")
	// Whoever forwards on while it is away has to say so when it is back, or its
	// peers throw away what they have kept (RFC 4724, 4.2).
	opens := wire.Show("ip.src==192.168.1.1 && bgp.type==1 && frame.time>=\""+back+"\" && frame.time<=\""+up+"\"", "bgp.cap.gr.timers.restart_flag", "bgp.cap.gr.flag.pfs")
	if opens == "" {
		t.Error("no OPEN after the restart")
	}
	for line := range strings.Lines(opens) {
		if f := strings.Fields(line); len(f) != 3 || f[1] != "1" || f[2] != "1" {
			t.Errorf("an OPEN after the restart doesn't say that we restarted and forward: %s", line)
		}
	}
	if wire.Show("ip.src==192.168.1.1 && tcp.flags.syn==1 && !tcp.options.md5") != "" {
		t.Error("a connection without MD5")
	}
}

// wellFormed fails the test when Wireshark finds fault with a BGP packet of
// these senders, and when it has seen none. The recording ends with a packet
// that matches last: dumpcap loses what it hasn't written yet.
func wellFormed(t *testing.T, wire *lab.Capture, v4, v6, last string) {
	t.Helper()
	lab.Until(t, 10*time.Second, "the last packet recorded", func() error {
		if wire.Show(last) == "" {
			return errors.New("none matches " + last)
		}
		return nil
	})
	if err := wire.Stop(); err != nil {
		t.Error(err)
	}
	ours := "(ip.src==" + v4 + " || ipv6.src==" + v6 + ") && "
	for _, kind := range []string{"1", "2", "4"} {
		if wire.Show(ours+"bgp.type=="+kind) == "" {
			t.Errorf("no BGP message of type %s was recorded", kind)
		}
	}
	if bad := wire.Show(ours+"bgp && (_ws.malformed || _ws.expert.group==117440512 || _ws.expert.severity==8388608)", "_ws.expert.message", "tcp.payload"); bad != "" {
		t.Errorf("Wireshark finds fault with what we say:\n%s", bad)
	}
}
