package speaker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
)

const (
	open    = 1
	update  = 2
	refresh = 5
)

// attr is a path attribute; its length is what it is.
func attr(flags, kind byte, value ...byte) []byte {
	return append([]byte{flags, kind, byte(len(value))}, value...)
}

// anUpdate is an UPDATE of path attributes and prefixes, its lengths right.
func anUpdate(nlri []byte, attrs ...[]byte) []byte {
	var all []byte
	for _, a := range attrs {
		all = append(all, a...)
	}
	body := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(all)))
	return lab.Message(update, append(append(body, all...), nlri...))
}

// header is a message header with whatever length and type, and a body.
func header(length uint16, kind byte, body ...byte) []byte {
	m := lab.Message(kind, body)
	binary.BigEndian.PutUint16(m[16:], length)
	return m
}

// Good attributes, for what is bad to hide among.
var (
	origin  = attr(0x40, 1, 0)
	asPath  = attr(0x40, 2, 2, 1, 0, 0, 0xfc, 1) // 64513
	viaFar  = attr(0x40, 3, 10, 0, 1, 2)
	as4Path = attr(0xc0, 17, 2, 1, 0, 0, 0xfc, 1)
	ten9    = []byte{24, 10, 9, 0}
)

// beforeOpen are the messages of one who has only got a TCP connection.
var beforeOpen = map[string][]byte{
	"garbage":                        {0x47, 0x45, 0x54, 0x20, 0x2f, 0x20, 0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x31, 0x0d, 0x0a, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0},
	"nothing":                        {},
	"half a header":                  lab.Message(open, nil)[:9],
	"type 0":                         lab.Message(0, nil),
	"type 6":                         lab.Message(6, nil),
	"type 77":                        lab.Message(77, nil),
	"length 0":                       header(0, open),
	"length 18":                      header(18, open),
	"length 65535":                   header(65535, open, 4, 0, 1),
	"bad marker":                     append(make([]byte, 16), 0, 19, 4),
	"keepalive first":                lab.Message(4, nil),
	"notification first":             lab.Message(3, []byte{6, 2}),
	"notification of no octets":      lab.Message(3, nil),
	"update with 3 octets of MP":     anUpdate(nil, []byte{0x80, 14, 3, 0, 2, 1}),
	"update of VPLS":                 anUpdate(nil, attr(0x80, 14, 0, 25, 65, 4, 10, 0, 1, 2, 0, 0, 17, 0, 0)),
	"route refresh of one octet":     lab.Message(refresh, []byte{0}),
	"open of no octets":              lab.Message(open, nil),
	"open of version 3":              lab.Message(open, []byte{3, 0xfc, 1, 0, 240, 10, 0, 1, 9, 0}),
	"open of AS 0":                   lab.Message(open, []byte{4, 0, 0, 0, 240, 10, 0, 1, 9, 0}),
	"open with hold time 1":          lab.Message(open, []byte{4, 0xfc, 1, 0, 1, 10, 0, 1, 9, 0}),
	"open with router id 0":          lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 0, 0, 0, 0, 0}),
	"open with our router id":        lab.Open(64513, ownID),
	"open with parameters cut":       lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 255, 2, 6}),
	"open with a capability cut":     lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 4, 2, 2, 65, 4}),
	"open with an empty restart":     lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 4, 2, 2, 64, 0}),
	"open with a restart cut":        lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 7, 2, 5, 64, 3, 0, 120, 0}),
	"open with a short MP":           lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 5, 2, 3, 1, 1, 0}),
	"open with an odd add-path":      lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 7, 2, 5, 69, 3, 0, 1, 1}),
	"open with an odd FQDN":          lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 6, 2, 4, 73, 2, 200, 1}),
	"open with extended parameters":  lab.Message(open, []byte{4, 0xfc, 1, 0, 240, 10, 0, 1, 9, 255, 255, 0, 9, 2, 255, 255}),
	"open and type 77 in one packet": append(lab.Open(64513, ten(1, 9)), lab.Message(77, nil)...),
	"open and 3 octets of MP":        append(lab.Open(64513, ten(1, 9)), anUpdate(nil, []byte{0x80, 14, 3, 0, 2, 1})...),
}

// whenUp are the messages of a peer whose session is established.
var whenUp = map[string][]byte{
	"type 0":                        lab.Message(0, nil),
	"type 6":                        lab.Message(6, nil),
	"type 77":                       lab.Message(77, nil),
	"bad marker":                    append(make([]byte, 16), 0, 19, 4),
	"length 18":                     header(18, update),
	"length 65535":                  header(65535, update, make([]byte, 65516)...),
	"open again":                    lab.Open(64513, ten(1, 9)),
	"keepalive with a body":         lab.Message(4, []byte{1, 2, 3}),
	"route refresh of one octet":    lab.Message(refresh, []byte{0}),
	"route refresh of VPLS":         lab.Message(refresh, []byte{0, 25, 0, 65}),
	"empty update":                  lab.Message(update, nil),
	"update of 3 octets":            lab.Message(update, []byte{0, 0, 0}),
	"withdrawn length too long":     lab.Message(update, []byte{0, 200, 0, 0}),
	"withdrawn length -1":           lab.Message(update, []byte{255, 255, 0, 0}),
	"attributes length too long":    lab.Message(update, []byte{0, 0, 0, 200, 0x40, 1, 1, 0}),
	"attribute longer than all":     anUpdate(ten9, []byte{0x40, 1, 200, 0}),
	"prefix of 33 bits":             anUpdate([]byte{33, 10, 9, 0, 0, 0}, origin, asPath, viaFar),
	"prefix cut":                    anUpdate([]byte{24, 10}, origin, asPath, viaFar),
	"3 octets of MP reach":          anUpdate(nil, []byte{0x80, 14, 3, 0, 2, 1}),
	"2 octets of MP unreach":        anUpdate(nil, []byte{0x80, 15, 2, 0, 2}),
	"MP reach with no next hop":     anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 1, 0, 0, 24, 10, 9, 0)),
	"MP reach with a long next hop": anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 1, 200, 0, 24, 10, 9, 0)),
	"MP reach of VPLS":              anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 25, 65, 4, 10, 0, 1, 2, 0, 0, 17, 0, 0)),
	"MP reach of EVPN":              anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 25, 70, 4, 10, 0, 1, 2, 0, 2, 3, 0, 0, 0)),
	"MP reach of FlowSpec":          anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 133, 0, 0, 3, 1, 200, 10)),
	"MP reach of SR policy":         anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 73, 4, 10, 0, 1, 2, 0, 96, 1)),
	"MP reach of MUP":               anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 85, 4, 10, 0, 1, 2, 0, 1, 0, 1, 3, 0, 0, 0)),
	"MP reach of VPN":               anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 128, 12, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 1, 2, 0, 24, 1)),
	"MP reach of BGP-LS":            anUpdate(nil, origin, asPath, attr(0x80, 14, 64, 4, 71, 4, 10, 0, 1, 2, 0, 0, 1, 0, 4, 1, 0, 0, 0)),
	"AS4_PATH before AS_PATH":       anUpdate(ten9, as4Path, origin, asPath, viaFar),
	"AS4_PATH alone":                anUpdate(ten9, origin, as4Path, viaFar),
	"AS4_AGGREGATOR alone":          anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 18, 0, 0, 0, 1, 10, 0, 1, 2)),
	"AS_PATH empty":                 anUpdate(ten9, origin, attr(0x40, 2), viaFar),
	"AS_PATH segment of no octets":  anUpdate(ten9, origin, attr(0x40, 2, 2, 0), viaFar),
	"AS_PATH segment of type 9":     anUpdate(ten9, origin, attr(0x40, 2, 9, 1, 0, 0, 0xfc, 1), viaFar),
	"AS_PATH cut":                   anUpdate(ten9, origin, attr(0x40, 2, 2, 5, 0, 0), viaFar),
	"AS_PATH of a confederation":    anUpdate(ten9, origin, attr(0x40, 2, 3, 1, 0, 0, 0xfc, 1), viaFar),
	"ORIGIN 9":                      anUpdate(ten9, attr(0x40, 1, 9), asPath, viaFar),
	"ORIGIN of no octets":           anUpdate(ten9, attr(0x40, 1), asPath, viaFar),
	"no ORIGIN":                     anUpdate(ten9, asPath, viaFar),
	"no attributes":                 anUpdate(ten9),
	"NEXT_HOP of no octets":         anUpdate(ten9, origin, asPath, attr(0x40, 3)),
	"NEXT_HOP of 3 octets":          anUpdate(ten9, origin, asPath, attr(0x40, 3, 10, 0, 1)),
	"NEXT_HOP of 16 octets":         anUpdate(ten9, origin, asPath, attr(0x40, 3, make([]byte, 16)...)),
	"MED of 3 octets":               anUpdate(ten9, origin, asPath, viaFar, attr(0x80, 4, 0, 0, 1)),
	"LOCAL_PREF of 2 octets":        anUpdate(ten9, origin, asPath, viaFar, attr(0x40, 5, 0, 1)),
	"AGGREGATOR of 1 octet":         anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 7, 1)),
	"communities of 3 octets":       anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 8, 1, 2, 3)),
	"communities of no octets":      anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 8)),
	"ORIGINATOR_ID of 1 octet":      anUpdate(ten9, origin, asPath, viaFar, attr(0x80, 9, 1)),
	"CLUSTER_LIST of 3 octets":      anUpdate(ten9, origin, asPath, viaFar, attr(0x80, 10, 1, 2, 3)),
	"extended communities cut":      anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 16, 1, 2, 3)),
	"large communities cut":         anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 32, 1, 2, 3)),
	"IPv6 communities cut":          anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 25, 0, 2, 1, 2, 3)),
	"PMSI tunnel cut":               anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 22, 0, 6)),
	"tunnel encapsulation cut":      anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 23, 0, 8, 0, 9, 1)),
	"AIGP cut":                      anUpdate(ten9, origin, asPath, viaFar, attr(0x80, 26, 1, 0, 200)),
	"BGP-LS attribute cut":          anUpdate(ten9, origin, asPath, viaFar, attr(0x80, 29, 4, 1, 0, 200, 1)),
	// SRv6 L3 service (5) with a sub-TLV nobody knows (9).
	"PREFIX_SID with an unknown part": anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 40, 5, 0, 6, 0, 9, 0, 2, 1, 2)),
	"PREFIX_SID with a cut part":      anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 40, 5, 0, 30, 0, 1, 0, 200, 1, 2)),
	"PREFIX_SID of one octet":         anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 40, 5)),
	"unknown well-known attribute":    anUpdate(ten9, origin, asPath, viaFar, attr(0x40, 99, 1)),
	"unknown attribute":               anUpdate(ten9, origin, asPath, viaFar, attr(0xc0, 99, 1)),
	"an attribute twice":              anUpdate(ten9, origin, origin, asPath, viaFar),
	"MP reach twice":                  anUpdate(nil, origin, asPath, attr(0x80, 14, 0, 1, 1, 4, 10, 0, 1, 2, 0), attr(0x80, 14, 0, 1, 1, 4, 10, 0, 1, 2, 0)),
}

// badNextHops are taken, or not; they must not reach the kernel.
var badNextHops = map[string][]byte{
	"0.0.0.0":         {0, 0, 0, 0},
	"loopback":        {127, 0, 0, 1},
	"multicast":       {224, 0, 0, 5},
	"broadcast":       {255, 255, 255, 255},
	"our own":         {10, 0, 1, 1},
	"our router id":   {192, 0, 2, 1},
	"link-local":      {169, 254, 0, 1},
	"of the reserved": {240, 0, 0, 1},
}

// TestHostilePeers: whatever a peer sends, before or after its OPEN, the
// process lives, another peer's session stays up and so does its route.
func TestHostilePeers(t *testing.T) {
	f := fars(t, 2)
	f[1].bird(bird{asn: 64514, routes: []string{"10.3.0.0/24"}})
	s := speak(t)

	// Every case has a peer of its own: after an error a session rests for a while.
	want := bgpWith(f[1].peer4(64514))
	peers := 0
	newPeer := func() netip.Addr {
		peers++
		addr := ten(1, byte(9+peers))
		f[0].Addr("eth0", addr.String()+"/24")
		want.Peers[netip.AddrPortFrom(addr, 179)] = intent.Peer{Name: "hostile", ASN: 64513, LocalAddress: f[0].here4(), Passive: true}
		return addr
	}
	type attack struct {
		name string
		addr netip.Addr
		sent []byte
		up   bool
	}
	var attacks []attack
	for name, m := range beforeOpen {
		attacks = append(attacks, attack{name + ", before OPEN", newPeer(), m, false})
	}
	for name, m := range whenUp {
		attacks = append(attacks, attack{name, newPeer(), m, true})
	}
	for name, m := range badNextHops {
		attacks = append(attacks, attack{"next hop " + name, newPeer(), anUpdate(ten9, origin, asPath, attr(0x40, 3, m...)), true})
	}
	r := rand.New(rand.NewPCG(7, 7))
	for i := range 40 {
		attacks = append(attacks, attack{fmt.Sprint("random updates ", i), newPeer(), randomUpdates(r), true})
	}
	flooder, last := newPeer(), newPeer()
	s.apply(want)
	s.awaitRoute("10.3.0.0/24", "10.0.2.2")
	since := s.since(f[1].addr4())

	here := netip.AddrPortFrom(f[0].here4(), 179)
	establish := func(from netip.Addr) *lab.Replayer {
		t.Helper()
		conn, err := f[0].Dial(from, here)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		p, err := lab.Establish(conn, 64513, from)
		if err != nil {
			t.Fatalf("%v: %v", from, err)
		}
		return p
	}
	for _, a := range attacks {
		if a.up {
			p := establish(a.addr)
			_, _ = p.Conn.Write(a.sent)
			// What it is worth shows when the end of the session, or an
			// answer to a later message, has come.
			_, _ = p.Conn.Write(lab.EndOfRIB())
			_ = p.Conn.(interface{ CloseWrite() error }).CloseWrite()
			select {
			case err := <-p.Ended:
				t.Logf("%s: %v", a.name, err)
			case <-time.After(5 * time.Second):
				t.Errorf("%s: the session did not end", a.name)
			}
		} else {
			conn, err := f[0].Dial(a.addr, here)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = conn.Write(a.sent)
			_ = conn.CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			for {
				if _, err = conn.Read(make([]byte, 1<<12)); err != nil {
					break
				}
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the connection stays open", a.name)
			}
			_ = conn.Close()
		}
		if !s.since(f[1].addr4()).Equal(since) {
			t.Fatalf("%s: ended the session of another peer: %+v", a.name, s.peer(f[1].addr4()))
		}
		if got := s.route("10.9.0.0/24"); got != "" && got != "10.0.1.2" && got != "240.0.0.1" {
			t.Errorf("%s: told to route by way of %s", a.name, got)
		}
	}

	// Withdrawals of what was never announced leave nothing behind.
	for _, a := range attacks {
		delete(want.Peers, netip.AddrPortFrom(a.addr, 179))
	}
	s.apply(want)
	p := establish(flooder)
	before := heap()
	if _, err := p.Conn.Write(lab.Updates(100_000, nil, netip.Addr{}, true)); err != nil {
		t.Fatal(err)
	}
	marker := "10.99.0.0/24"
	_, _ = p.Conn.Write(anUpdate([]byte{24, 10, 99, 0}, origin, asPath, viaFar))
	lab.Until(t, time.Minute, "the end of the flood", func() error {
		if s.route(marker) == "" {
			return fmt.Errorf("%+v", s.peer(flooder))
		}
		return nil
	})
	if grown := int64(heap()) - int64(before); grown > 20<<20 { // 560 bytes each it once was
		t.Errorf("100,000 withdrawals left %d MB", grown>>20)
	}

	// All is well still.
	establish(last)
	s.awaitUp(last)
	if got := s.route("10.3.0.0/24"); got != "10.0.2.2" || !s.since(f[1].addr4()).Equal(since) {
		t.Errorf("the other peer's route goes by way of %q", got)
	}
}

// flags are those of RFC 4271, 4.3 for the kinds that have others than
// optional and transitive. Wrong ones would end most sessions too soon.
var flags = func() (f [42]byte) {
	for i := range f {
		f[i] = 0xc0
	}
	for _, i := range []int{1, 2, 3, 5, 6} {
		f[i] = 0x40
	}
	for _, i := range []int{4, 9, 10, 14, 15, 26, 29, 33} {
		f[i] = 0x80
	}
	return f
}()

// randomUpdates are some UPDATEs of attributes with random kinds, lengths and
// content, all within their frames.
func randomUpdates(r *rand.Rand) []byte {
	var out []byte
	for range 200 {
		var attrs [][]byte
		for range r.IntN(6) {
			value := make([]byte, r.IntN(24))
			for i := range value {
				value[i] = byte(r.IntN(256))
			}
			kind := byte(r.IntN(42))
			if (kind == 14 || kind == 15) && len(value) > 3 {
				value[0], value[1], value[2] = 0, byte(1+r.IntN(2)), []byte{1, 2, 4, 128, 133}[r.IntN(5)]
			}
			attrs = append(attrs, attr(flags[kind], kind, value...))
		}
		out = append(out, anUpdate(nil, attrs...)...)
	}
	return out
}
