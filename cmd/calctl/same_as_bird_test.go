package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
)

// A place is where r1 (192.168.1.5, AS 64512) sits in a network of both families: what
// it is told, who is beside it, what its kernel holds. All is written for IPv4, and is
// there a second time for IPv6 (inSix), on sessions of their own; numbers of routes
// are those of either family.
type place struct {
	name       string
	resources  string // documents
	node       string // more of spec.bgp of the Node r1
	labels     string // of the Node r1, in YAML
	neighbours []beside
	links      []string // further interfaces of r1
	addresses  []string // of those, in the words of `ip addr add`
	kernel     []string // routes that r1's kernel has, in the words of `ip route add`
	installed  int      // how many routes r1 puts into its kernel
	six        int      // how many of IPv6, where that isn't the same
}

// A beside is a neighbour of r1: a BIRD that tells it routes and takes whatever r1
// tells.
type beside struct {
	host    int      // its address is 192.168.1.host
	asn     int      // its AS; 0: 64512
	towards int      // the AS that r1 has towards it; 0: 64512
	port    int      // where it listens; 0: 179
	dials   int      // the port of r1 that it dials; 0: 179
	hops    string   // how far r1 may be; "": multihop
	session string   // more settings of its sessions with r1
	channel string   // and of their channels
	routes  []string // that it tells: the prefix, and what makes its attributes
	hears   int      // how many routes r1 tells it
}

// TestSameAsBIRD: in each of these places BIRD 2, with what `node run --dry-run -o
// bird` writes, and calctl tell the neighbours the same and put the same into the
// kernel, one after the other.
func TestSameAsBIRD(t *testing.T) {
	t.Parallel()
	for _, p := range slices.Concat(samePeers, sameReflectors, sameFilters, sameExports, sameKernels) {
		t.Run(strings.ReplaceAll(p.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			p.compare(t)
		})
	}
}

func (p *place) compare(t *testing.T) {
	r1, far := p.build(t)
	documents := p.documents()

	birds := p.meet(far)
	subject := r1.Bird(asBIRD(r1, documents))
	var want []string
	settled := 0
	took := lab.Until(t, 60*time.Second, "BIRD as r1", func() error {
		birdOnce(r1)
		now, err := p.view(r1, birds)
		if err == nil {
			err = p.complete(now)
		}
		if err == nil && settled > 0 && !slices.Equal(now, want) {
			err = errors.New("not settled")
		}
		if settled++; err != nil {
			settled = 0
		}
		if want = now; settled < 5 && err == nil {
			err = errors.New("not settled")
		}
		return err
	})
	subject.Kill()
	for _, b := range birds {
		b.Kill()
	}
	r1.IP("-4", "route", "flush", "proto", "bird")
	r1.IP("-6", "route", "flush", "proto", "bird")
	if left, err := kernelView(r1); err != nil || len(left) > 0 {
		t.Fatalf("BIRD's routes are still there: %v, %v", left, err)
	}

	birds = p.meet(far)
	node := r1.Calctl()
	node.Apply(documents)
	node.Start()
	same := 0
	after := lab.Until(t, 60*time.Second, "calctl as r1", func() error {
		now, err := p.view(r1, birds)
		if err == nil && !slices.Equal(now, want) {
			err = fmt.Errorf("otherwise than with BIRD (-), with calctl (+):\n%s", cmp.Diff(want, now))
		}
		if same++; err != nil {
			same = 0
		} else if same < 3 {
			err = errors.New("not settled")
		}
		return err
	})
	t.Logf("%d lines; BIRD took %v, calctl %v", len(want), took.Round(time.Millisecond), after.Round(time.Millisecond))
}

// build makes the network, without anybody who speaks BGP.
func (p *place) build(t *testing.T) (r1 *lab.Host, far []*lab.Host) {
	l := lab.New(t)
	r1 = l.Host("r1")
	members := map[*lab.Host]string{r1: "192.168.1.5/24"}
	for _, n := range p.neighbours {
		h := l.Host(fmt.Sprintf("n%d", n.host))
		members[h] = n.addr() + "/24"
		far = append(far, h)
	}
	l.LAN("eth0", members)
	for h, addr := range members {
		h.Addr("eth0", inSix(addr))
	}
	stub(r1, "10.1.0.1/24", inSix("10.1.0.1/24"))
	for _, link := range p.links {
		r1.IP("link", "add", link, "type", "veth", "peer", "name", "far-"+link)
		r1.IP("link", "set", link, "up")
		r1.IP("link", "set", "far-"+link, "up")
	}
	for _, address := range p.addresses {
		r1.IP(append([]string{"-4", "addr", "add"}, strings.Fields(address)...)...)
		r1.IP(append([]string{"-6", "addr", "add", "nodad"}, strings.Fields(inSix(address))...)...)
	}
	for _, route := range p.kernel {
		r1.IP(append([]string{"-4", "route", "add"}, strings.Fields(route)...)...)
		r1.IP(append([]string{"-6", "route", "add"}, strings.Fields(inSix(route))...)...)
	}
	return r1, far
}

// meet starts the neighbours.
func (p *place) meet(far []*lab.Host) []*lab.Bird {
	var birds []*lab.Bird
	for i, h := range far {
		birds = append(birds, h.Bird(p.neighbours[i].config()))
	}
	return birds
}

// asBIRD is what `node run --dry-run -o bird` writes for the node on a host, with its
// passwords put in, and a little faster.
func asBIRD(h *lab.Host, documents string) string {
	file := h.File("cluster.yaml", documents)
	conf := h.Run(lab.Binary(h.T), "node", "run", "--dry-run", "--name", h.Name, "-f", file, "-o", "bird")
	return strings.NewReplacer("log syslog all;", "log stderr all;", "connect delay time 2;", "connect delay time 1;",
		`"put in: key tor of Secret(bgp)"`, `"s3cret"`).Replace(conf)
}

func (n *beside) addr() string { return fmt.Sprintf("192.168.1.%d", n.host) }

// config is the neighbour's BIRD.
func (n *beside) config() string {
	or := func(v, otherwise int) int {
		if v == 0 {
			return otherwise
		}
		return v
	}
	hops := n.hops
	if hops == "" {
		hops = "multihop;"
	}
	four := "protocol static nets_FAMILY {\n\tFAMILY;\n"
	for _, r := range n.routes {
		prefix, attributes, _ := strings.Cut(r, " ")
		four += fmt.Sprintf("\troute %s blackhole { %s };\n", prefix, attributes)
	}
	four += fmt.Sprintf(`}
protocol bgp r1_FAMILY {
	local %s port %d as %d;
	neighbor 192.168.1.5 port %d as %d;
	%s
	%s
	connect delay time 1; connect retry time 1; error wait time 1, 2;
	allow local as 99;
	graceful restart on;
	FAMILY { import all; export where source = RTS_STATIC; %s };
}
`, n.addr(), or(n.port, 179), or(n.asn, 64512), or(n.dials, 179), or(n.towards, 64512), hops, n.session, n.channel)
	return "router id " + n.addr() + ";\nlog stderr all;\nprotocol device { scan time 1; }\nprotocol direct { ipv4; ipv6; }\n" +
		strings.ReplaceAll(four, "FAMILY", "ipv4") + strings.ReplaceAll(inSix(four), "FAMILY", "ipv6")
}
