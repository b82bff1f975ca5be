package bench

import (
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

var peers = flag.Int("peers", 1000, "number of peers of BenchmarkManyPeers")

// routesEach is how many routes each of many peers tells.
const routesEach = 10

// BenchmarkManyPeers is scenario S3: many peers with a few routes each, start
// of the daemon to everything in the kernel.
func BenchmarkManyPeers(b *testing.B) {
	roomForNeighbours(b)
	bird := median(func() result { return manyPeers(b, startBird) })
	own := median(func() result { return manyPeers(b, startCalctl) })
	b.Logf("S3, %d peers of %d routes each, medians of %d\nBIRD 2  %v, user %v, system %v, %d MB\ncalctl  %v, user %v, system %v, %d MB", *peers, routesEach, *runs,
		bird.took.Round(time.Millisecond), bird.cost.user, bird.cost.system, bird.cost.peak>>20,
		own.took.Round(time.Millisecond), own.cost.user, own.cost.system, own.cost.peak>>20)
	b.ReportMetric(bird.took.Seconds()/own.took.Seconds(), "x-BIRD")
	b.ReportMetric(0, "ns/op")
}

// roomForNeighbours makes room in the kernel's table of neighbours, which all
// namespaces share: by default it holds about a thousand.
func roomForNeighbours(b testing.TB) {
	for _, key := range []string{"4/neigh/default/gc_thresh3", "4/neigh/default/gc_thresh2", "4/neigh/default/gc_thresh1",
		"6/neigh/default/gc_thresh3", "6/neigh/default/gc_thresh2", "6/neigh/default/gc_thresh1"} {
		file := "/proc/sys/net/ipv" + key
		before, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, []byte("65536"), 0o644)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = os.WriteFile(file, before, 0o644) })
	}
}

// nth is the address of the n-th peer.
func nth(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 168, byte(16 + n>>8), byte(n)})
}

func startBird(_ *testing.B, dut *lab.Host) *lab.Process {
	var conf strings.Builder
	conf.WriteString("router id 192.168.1.1;\nlog stderr { warning, error, fatal, bug };\nprotocol device { }\nprotocol kernel { ipv4 { export all; }; }\n")
	for i := range *peers {
		_, _ = fmt.Fprintf(&conf, "protocol bgp p%d { local 192.168.1.1 as 64512; neighbor %v as 64513; passive; ipv4 { import all; export none; }; }\n", i, nth(i))
	}
	return dut.Bird(conf.String()).Process
}

func startCalctl(_ *testing.B, dut *lab.Host) *lab.Process {
	var yaml strings.Builder
	yaml.WriteString("apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: dut}\nspec: {bgp: {asNumber: 64512, ipv4Address: 192.168.1.1/17}}\n")
	for i := range *peers {
		_, _ = fmt.Fprintf(&yaml, "---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: p%d}\nspec: {peerIP: %v, asNumber: 64513}\n", i, nth(i))
	}
	node := dut.Calctl()
	node.Apply(yaml.String())
	node.Start("--log-level", "error")
	return node.Process
}

func manyPeers(b *testing.B, start func(*testing.B, *lab.Host) *lab.Process) result {
	l := lab.New(b)
	dut, far := l.Host("dut"), l.Host("far")
	l.Link(dut, "eth0", []string{"192.168.1.1/17"}, far, "eth0", nil)
	var batch strings.Builder
	for i := range *peers {
		_, _ = fmt.Fprintf(&batch, "addr add %v/17 dev eth0\n", nth(i))
	}
	far.IP("-batch", l.File("addresses", batch.String()))
	kernel := watch(b, dut)

	speaker := start(b, dut)
	begin := time.Now()
	var up sync.WaitGroup
	for i := range *peers {
		up.Go(func() { join(b, far, i) })
	}
	up.Wait()
	n := *peers * routesEach
	lab.Until(b, time.Minute, "all routes in the kernel", func() error {
		if got := kernel.count(); got < n {
			return fmt.Errorf("%d of %d", got, n)
		}
		return nil
	})
	r := result{time.Since(begin), costOf(b, speaker.PID())}
	speaker.Kill()
	return r
}

// join brings the i-th peer's session up and tells its routes.
func join(b *testing.B, far *lab.Host, i int) {
	at := nth(i)
	lab.Until(b, time.Minute, "a session with the speaker", func() error {
		conn, err := far.Dial(at, netip.AddrPortFrom(dutAddr, 179))
		if err != nil {
			return err
		}
		s, err := lab.Establish(conn, 64513, at)
		if err != nil {
			_ = conn.Close()
			return err
		}
		b.Cleanup(func() { _ = conn.Close() })
		_, err = s.Conn.Write(someRoutes(i, at))
		return err
	})
}

// someRoutes are the i-th peer's: an UPDATE of routesEach prefixes that nobody else has.
func someRoutes(i int, nextHop netip.Addr) []byte {
	nh := nextHop.As4()
	attrs := []byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfc, 1, 0x40, 3, 4, nh[0], nh[1], nh[2], nh[3]}
	body := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(attrs)))
	body = append(body, attrs...)
	for j := range routesEach {
		p := lab.Prefix(i*routesEach + j).Addr().As4()
		body = append(body, 24, p[0], p[1], p[2])
	}
	return append(lab.Message(2, body), lab.EndOfRIB()...)
}
