// Package policytest draws BGPFilters and routes at random, for tests which compare
// what different ones make of them: package policy with its description, the
// daemon with `calctl policy test` and with BIRD.
package policytest

import (
	"math/rand/v2"
	"net/netip"

	"github.com/calctl/calctl/resources"
)

// A Die makes things that are alike often enough to meet.
type Die struct{ *rand.Rand }

// One is one of some words.
func (d Die) One(of ...string) string { return of[d.IntN(len(of))] }

// Sometimes is true one time in four.
func (d Die) Sometimes() bool { return d.IntN(4) == 0 }

// ASN is one of three AS numbers, from 65001 on.
func (d Die) ASN() int { return 65001 + d.IntN(3) }

// Community is one of a few, standard or large.
func (d Die) Community() string {
	return d.One("65001:1", "65001:2", "0:1", "1:2:3", "65001:1:0", "4200000000:1:2")
}

// New makes a Die that falls the same way for the same seed.
func New(seed uint64) Die { return Die{rand.New(rand.NewPCG(seed, 7))} }

// Prefix is one of some forty of a family.
func (d Die) Prefix(v4 bool) netip.Prefix {
	if v4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(d.IntN(4)) << 6, byte(d.IntN(2)) << 7, byte(d.IntN(2))}), []int{0, 8, 9, 10, 16, 17, 31, 32}[d.IntN(8)]).Masked()
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(d.IntN(4)) << 6, 15: byte(d.IntN(2))}), []int{0, 8, 9, 10, 64, 127, 128}[d.IntN(7)]).Masked()
}

// Priority is a metric.
func (d Die) Priority() int { return []int{1, 512, 1024, 2147483547, 2147483646}[d.IntN(5)] }

// Rule is a valid rule for routes of a family.
func (d Die) Rule(v4 bool) resources.BGPFilterRule {
	r := resources.BGPFilterRule{Action: d.One("Accept", "Reject")}
	if d.IntN(3) > 0 {
		p := d.Prefix(v4)
		r.CIDR, r.MatchOperator = p.String(), d.One("Equal", "NotEqual", "In", "In", "NotIn")
		if d.Sometimes() {
			r.PrefixLength = &resources.BGPFilterPrefixLength{}
			low, high := int32(d.IntN(p.Addr().BitLen()+1)), int32(p.Bits()+d.IntN(p.Addr().BitLen()-p.Bits()+1))
			if d.IntN(2) == 0 {
				r.PrefixLength.Min = &low
			}
			if d.IntN(2) == 0 && (r.PrefixLength.Min == nil || low <= high) {
				r.PrefixLength.Max = &high
			}
		}
	}
	if d.Sometimes() {
		r.Source = "RemotePeers"
	}
	if d.Sometimes() {
		r.Interface = d.One("*", "eth*", "eth0", "*0", "e*h*1", "bond0.7")
	}
	if d.Sometimes() {
		r.PeerType = d.One("eBGP", "iBGP")
	}
	if d.Sometimes() {
		r.Communities = &resources.BGPFilterCommunities{Values: []string{d.Community()}}
	}
	if d.Sometimes() {
		for range d.IntN(3) {
			r.ASPathPrefix = append(r.ASPathPrefix, resources.ASN(d.ASN()))
		}
	}
	if d.Sometimes() {
		p := d.Priority()
		r.Priority = &p
	}
	for r.Action == "Accept" && d.IntN(2) == 0 && len(r.Operations) < 10 {
		r.Operations = append(r.Operations, d.Operation())
	}
	return r
}

// Operation is one of a rule that accepts.
func (d Die) Operation() (o resources.BGPFilterOperation) {
	switch d.IntN(3) {
	case 0:
		o.AddCommunity = &resources.BGPFilterAddCommunity{Value: d.Community()}
	case 1:
		o.PrependASPath = &resources.BGPFilterPrependASPath{}
		for range 1 + d.IntN(3) {
			o.PrependASPath.Prefix = append(o.PrependASPath.Prefix, resources.ASN(d.ASN()))
		}
	default:
		p := d.Priority()
		o.SetPriority = &resources.BGPFilterSetPriority{Value: &p}
	}
	return o
}

// Filter is a valid BGPFilter with up to three rules in each list.
func (d Die) Filter(name string) *resources.BGPFilter {
	f := &resources.BGPFilter{}
	f.Name = name
	for range d.IntN(4) {
		f.Spec.ImportV4 = append(f.Spec.ImportV4, d.Rule(true))
		f.Spec.ExportV4 = append(f.Spec.ExportV4, d.Rule(true))
		f.Spec.ImportV6 = append(f.Spec.ImportV6, d.Rule(false))
		f.Spec.ExportV6 = append(f.Spec.ExportV6, d.Rule(false))
	}
	f.Default()
	return f
}

// Prefixes are n different ones of a family, at most some hundred, in and around
// those that rules speak of.
func (d Die) Prefixes(v4 bool, n int) []netip.Prefix {
	seen := map[netip.Prefix]bool{}
	var list []netip.Prefix
	for len(list) < n {
		p := d.Prefix(v4)
		most := p.Addr().BitLen()
		bits := max(1, min(p.Bits()+d.IntN(12), most))
		octets := p.Addr().AsSlice()
		octets[1] |= byte(d.IntN(4)) << 4
		octets[2] |= byte(d.IntN(4)) << 5
		a, _ := netip.AddrFromSlice(octets)
		if p = netip.PrefixFrom(a, bits).Masked(); !seen[p] && p.Addr().AsSlice()[0] != 0 {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}
