package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// GoBGP's packet library is the second opinion of these tests: what we write
// it reads as we meant it, and what it writes we read as it meant it.

func theirOptions(addPath bool) *bgp.MarshallingOption {
	o := &bgp.MarshallingOption{ExtendedMessage: true}
	if addPath {
		o.AddPath = map[bgp.Family]bgp.BGPAddPathMode{bgp.RF_IPv4_UC: bgp.BGP_ADD_PATH_BOTH, bgp.RF_IPv6_UC: bgp.BGP_ADD_PATH_BOTH}
	}
	return o
}

func theirDests(list []bgp.PathNLRI) []Dest {
	var dests []Dest
	for _, n := range list {
		dests = append(dests, Dest{n.NLRI.(*bgp.IPAddrPrefix).Prefix, n.ID})
	}
	return dests
}

func ourNLRI(t *testing.T, list []Dest) []bgp.PathNLRI {
	var nlri []bgp.PathNLRI
	for _, d := range list {
		n, err := bgp.NewIPAddrPrefix(d.Prefix)
		if err != nil {
			t.Fatal(err)
		}
		nlri = append(nlri, bgp.PathNLRI{NLRI: n, ID: d.PathID})
	}
	return nlri
}

// theirUpdate is what GoBGP reads in an UPDATE, in our terms.
func theirUpdate(t *testing.T, msg *bgp.BGPUpdate) (f Fields, reach, withdrawn []Dest) {
	reach, withdrawn = theirDests(msg.NLRI), theirDests(msg.WithdrawnRoutes)
	for _, a := range msg.PathAttributes {
		switch a := a.(type) {
		case *bgp.PathAttributeOrigin:
			f.Origin = Origin(a.Value)
		case *bgp.PathAttributeAsPath:
			var b []byte
			for _, s := range a.Value {
				b = append(b, s.GetType(), byte(len(s.GetAS())))
				for _, as := range s.GetAS() {
					b = binary.BigEndian.AppendUint32(b, as)
				}
			}
			f.ASPath = ASPath(b)
		case *bgp.PathAttributeNextHop:
			f.NextHop = a.Value
		case *bgp.PathAttributeMultiExitDisc:
			f.MED, f.HasMED = a.Value, true
		case *bgp.PathAttributeLocalPref:
			f.LocalPref, f.HasLocalPref = a.Value, true
		case *bgp.PathAttributeAtomicAggregate:
			f.AtomicAggregate = true
		case *bgp.PathAttributeAggregator:
			f.Aggregator = Aggregator{a.Value.AS, a.Value.Address}
		case *bgp.PathAttributeCommunities:
			f.Communities = NewCommunities(a.Value...)
		case *bgp.PathAttributeOriginatorId:
			f.OriginatorID = a.Value
		case *bgp.PathAttributeClusterList:
			for _, c := range slices.Backward(a.Value) {
				f.ClusterList = f.ClusterList.Prepend(num4(c))
			}
		case *bgp.PathAttributeExtendedCommunities:
			for _, c := range a.Value {
				b, err := c.Serialize()
				if err != nil {
					t.Fatal(err)
				}
				f.ExtCommunities += ExtCommunities(b)
			}
		case *bgp.PathAttributeLargeCommunities:
			for _, c := range a.Values {
				f.LargeCommunities = f.LargeCommunities.With(LargeCommunity{c.ASN, c.LocalData1, c.LocalData2})
			}
		case *bgp.PathAttributeMpReachNLRI:
			f.NextHop, f.LinkLocal = a.Nexthop, a.LinkLocalNexthop
			reach = append(reach, theirDests(a.Value)...)
		case *bgp.PathAttributeMpUnreachNLRI:
			withdrawn = append(withdrawn, theirDests(a.Value)...)
		case *bgp.PathAttributeUnknown:
			f.Unknown = append(f.Unknown, RawAttr{uint8(a.Flags &^ bgp.BGP_ATTR_FLAG_EXTENDED_LENGTH), uint8(a.Type), string(a.Value)})
		default:
			t.Fatalf("GoBGP reads a %T", a)
		}
	}
	return f, reach, withdrawn
}

// ourAttributes are a set's, as GoBGP makes them.
func ourAttributes(t *testing.T, f Fields, family Family, routes []Dest) []bgp.PathAttributeInterface {
	must := func(a bgp.PathAttributeInterface, err error) bgp.PathAttributeInterface {
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var segments []bgp.AsPathParamInterface
	for s := range f.ASPath.Segments() {
		var asns []uint32
		for i := range s.Len() {
			asns = append(asns, s.AS(i))
		}
		segments = append(segments, bgp.NewAs4PathParam(uint8(s.Type), asns))
	}
	attrs := []bgp.PathAttributeInterface{bgp.NewPathAttributeOrigin(uint8(f.Origin)), bgp.NewPathAttributeAsPath(segments)}
	if family == IPv4 {
		attrs = append(attrs, must(bgp.NewPathAttributeNextHop(f.NextHop)))
	} else {
		hops := []netip.Addr{f.NextHop}
		if f.LinkLocal.IsValid() {
			hops = append(hops, f.LinkLocal)
		}
		attrs = append(attrs, must(bgp.NewPathAttributeMpReachNLRI(bgp.RF_IPv6_UC, ourNLRI(t, routes), hops...)))
	}
	if f.HasMED {
		attrs = append(attrs, bgp.NewPathAttributeMultiExitDisc(f.MED))
	}
	if f.HasLocalPref {
		attrs = append(attrs, bgp.NewPathAttributeLocalPref(f.LocalPref))
	}
	if f.AtomicAggregate {
		attrs = append(attrs, bgp.NewPathAttributeAtomicAggregate())
	}
	if f.Aggregator.AS != 0 {
		attrs = append(attrs, must(bgp.NewPathAttributeAggregator(f.Aggregator.AS, f.Aggregator.ID)))
	}
	if f.Communities != "" {
		attrs = append(attrs, bgp.NewPathAttributeCommunities(slices.Collect(f.Communities.All())))
	}
	if f.OriginatorID.IsValid() {
		attrs = append(attrs, must(bgp.NewPathAttributeOriginatorId(f.OriginatorID)))
	}
	if f.ClusterList != "" {
		var ids []netip.Addr
		for id := range f.ClusterList.All() {
			ids = append(ids, addr4(id))
		}
		attrs = append(attrs, must(bgp.NewPathAttributeClusterList(ids)))
	}
	if f.ExtCommunities != "" {
		var list []bgp.ExtendedCommunityInterface
		for i := 0; i < len(f.ExtCommunities); i += 8 {
			c, err := bgp.ParseExtended([]byte(f.ExtCommunities[i : i+8]))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, c)
		}
		attrs = append(attrs, bgp.NewPathAttributeExtendedCommunities(list))
	}
	if f.LargeCommunities != "" {
		var list []*bgp.LargeCommunity
		for c := range f.LargeCommunities.All() {
			list = append(list, bgp.NewLargeCommunity(c[0], c[1], c[2]))
		}
		attrs = append(attrs, bgp.NewPathAttributeLargeCommunities(list))
	}
	for _, u := range f.Unknown {
		attrs = append(attrs, bgp.NewPathAttributeUnknown(bgp.BGPAttrFlag(u.Flags), bgp.BGPAttrType(u.Type), []byte(u.Value)))
	}
	return attrs
}

func TestGoBGPReadsWhatWeWrite(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	for range 400 {
		family, ids := []Family{IPv4, IPv6}[rnd.IntN(2)], rnd.IntN(2) == 0
		b := Builder{FourOctetAS: true, MaxLen: []int{4096, 65535}[rnd.IntN(2)]}
		if ids {
			b.AddPath = Both
		}
		f := randomFields(rnd, family)
		routes := randomDests(rnd, family, 1+rnd.IntN(400), ids)
		wire, err := b.Reach(nil, family, build(t, f), routes)
		if err != nil {
			t.Fatal(err)
		}
		wire = b.Withdraw(wire, family, routes)
		var reach, withdrawn []Dest
		for len(wire) > 0 {
			length := int(binary.BigEndian.Uint16(wire[16:]))
			msg, err := bgp.ParseBGPMessage(wire[:length], theirOptions(ids))
			if err != nil {
				t.Fatal(err)
			}
			got, r, w := theirUpdate(t, msg.Body.(*bgp.BGPUpdate))
			if len(r) > 0 {
				if diff := cmp.Diff(f, got, sameFields); diff != "" {
					t.Fatal(diff)
				}
			}
			reach, withdrawn = append(reach, r...), append(withdrawn, w...)
			wire = wire[length:]
		}
		if !slices.Equal(reach, routes) || !slices.Equal(withdrawn, routes) {
			t.Fatal("the prefixes differ")
		}
	}
}

func TestWeReadWhatGoBGPWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 32))
	for range 400 {
		family, ids := []Family{IPv4, IPv6}[rnd.IntN(2)], rnd.IntN(2) == 0
		f := randomFields(rnd, family)
		routes := randomDests(rnd, family, 1+rnd.IntN(100), ids)
		attrs := ourAttributes(t, f, family, routes)
		rnd.Shuffle(len(attrs), func(i, j int) { attrs[i], attrs[j] = attrs[j], attrs[i] })
		var nlri []bgp.PathNLRI
		if family == IPv4 {
			nlri = ourNLRI(t, routes)
		}
		wire, err := bgp.NewBGPUpdateMessage(nil, attrs, nlri).Serialize(theirOptions(ids))
		if err != nil {
			t.Fatal(err)
		}
		rules := Rules{LocalAS: 1, PeerAS: 1, FourOctetAS: true, Families: Both}
		if ids {
			rules.AddPath = Both
		}
		u := decode(t, rules, wire[headerLen:])
		if u.Verdict != OK || len(u.Reach) != 1 || len(u.Withdrawn) != 0 {
			t.Fatalf("%v %v", tell(u), u.Notes)
		}
		if diff := cmp.Diff(f, u.Reach[0].Attrs.Fields(), sameFields); diff != "" {
			t.Fatal(diff)
		}
		if got := u.Reach[0].Append(nil); !slices.Equal(got, routes) {
			t.Fatal("the prefixes differ")
		}
	}
	for family, theirs := range map[Family]bgp.Family{IPv4: bgp.RF_IPv4_UC, IPv6: bgp.RF_IPv6_UC} {
		wire, err := bgp.NewEndOfRib(theirs).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		if u := decode(t, internal(), wire[headerLen:]); u.EndOfRIB != family {
			t.Errorf("End-of-RIB for %v was read as %v", family, u.EndOfRIB)
		}
	}
}

func TestGoBGPReadsOurOpen(t *testing.T) {
	rnd := rand.New(rand.NewPCG(41, 42))
	for range 200 {
		o := randomOpen(rnd)
		msg, err := bgp.ParseBGPMessage(AppendOpen(nil, o))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, theirOpen(msg.Body.(*bgp.BGPOpen)), sameOpen); diff != "" {
			t.Fatal(diff)
		}
	}
}

// theirOpen is what GoBGP reads in an OPEN, in our terms.
func theirOpen(msg *bgp.BGPOpen) Open {
	o := Open{AS: uint32(msg.MyAS), HoldTime: time.Duration(msg.HoldTime) * time.Second, ID: msg.ID}
	set := func(afi uint16, safi uint8) Families { return NewFamily(afi, safi).set() }
	for _, p := range msg.OptParams {
		for _, c := range p.(*bgp.OptionParameterCapability).Capability {
			switch c := c.(type) {
			case *bgp.CapMultiProtocol:
				o.Families |= Family(c.CapValue).set()
			case *bgp.CapRouteRefresh:
				o.Refresh = true
			case *bgp.CapEnhancedRouteRefresh:
				o.EnhancedRefresh = true
			case *bgp.CapExtendedMessage:
				o.ExtendedMessage = true
			case *bgp.CapExtendedNexthop:
				o.ExtendedNextHop = len(c.Tuples) == 1 && c.Tuples[0].NLRIAFI == 1 && c.Tuples[0].NLRISAFI == 1 && c.Tuples[0].NexthopAFI == 2
			case *bgp.CapFourOctetASNumber:
				o.HasFourOctetAS, o.AS = true, c.CapValue
			case *bgp.CapAddPath:
				for _, t := range c.Tuples {
					if t.Mode&bgp.BGP_ADD_PATH_RECEIVE != 0 {
						o.AddPathReceive |= Family(t.Family).set()
					}
					if t.Mode&bgp.BGP_ADD_PATH_SEND != 0 {
						o.AddPathSend |= Family(t.Family).set()
					}
				}
			case *bgp.CapGracefulRestart:
				g := &GracefulRestart{Restarting: c.Flags&8 != 0, Notification: c.Flags&4 != 0, Time: time.Duration(c.Time) * time.Second}
				for _, t := range c.Tuples {
					g.Families |= set(t.AFI, t.SAFI)
					if t.Flags&0x80 != 0 {
						g.Forwarding |= set(t.AFI, t.SAFI)
					}
				}
				o.GracefulRestart = g
			case *bgp.CapLongLivedGracefulRestart:
				for _, t := range c.Tuples {
					o.HasLongLived = true
					o.LongLived = append(o.LongLived, LongLived{NewFamily(t.AFI, t.SAFI), t.Flags&0x80 != 0, time.Duration(t.RestartTime) * time.Second})
				}
			default:
				b, _ := c.Serialize()
				o.Unknown = append(o.Unknown, Capability{b[0], b[2:]})
			}
		}
	}
	return o
}

// TestWordsAgree: NOTIFICATIONs and ROUTE-REFRESHes are GoBGP's to the octet.
func TestWordsAgree(t *testing.T) {
	theirs, err := bgp.NewBGPNotificationMessage(6, 2, []byte{1, 'x'}).Serialize()
	if ours := AppendNotification(nil, Shutdown(AdminShutdown, "x")); err != nil || !slices.Equal(ours, theirs) {
		t.Errorf("%x, GoBGP %x", ours, theirs)
	}
	theirs, err = bgp.NewBGPRouteRefreshMessage(2, 1, 1).Serialize()
	if ours := AppendRefresh(nil, Refresh{IPv6, RefreshBegin}); err != nil || !slices.Equal(ours, theirs) {
		t.Errorf("%x, GoBGP %x", ours, theirs)
	}
	theirs, err = bgp.NewBGPKeepAliveMessage().Serialize()
	if ours := AppendKeepalive(nil); err != nil || !slices.Equal(ours, theirs) {
		t.Errorf("%x, GoBGP %x", ours, theirs)
	}
}
