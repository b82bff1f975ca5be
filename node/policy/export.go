package policy

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"

	"github.com/calctl/calctl/node/wire"
)

// An Export says what is told of the routes that no filter decides on, in this
// order: what lies inside an IPPool with disableBGPExport is kept, and so is what
// leads to a workload's interface; a block of this node's is told, and of what lies
// inside of one only what is better than normal; what lies inside a range of service
// addresses or another pool is told; everything else is kept. With what is told go
// communities, where such are advertised. The lists of prefixes are sorted.
type Export struct {
	Reject   []netip.Prefix // IPPools with disableBGPExport
	Blocks   []netip.Prefix // blocks of addresses that are this node's (BlockAffinity)
	Services []netip.Prefix // ranges of service addresses
	Accept   []netip.Prefix // the other IPPools
	// Normal are the priorities of normal routes: inside of a block one has to be
	// better to be told.
	Normal Priorities
	// Tunnel says that routes by tunl0 are told to peers of our own AS as well:
	// BGP programs the routes of IPIP pools, and not Calico's Felix.
	Tunnel bool
	// Advertise are the communities that go with what is told so. All whose
	// prefix a route lies in count.
	Advertise []Advertisement
}

// An Advertisement is the communities of the routes inside a prefix.
type Advertisement struct {
	CIDR        netip.Prefix
	Communities []string // aa:nn, or aa:nn:mm for a large one; sorted
}

func (a Advertisement) equal(b Advertisement) bool {
	return a.CIDR == b.CIDR && slices.Equal(a.Communities, b.Communities)
}

func (a Advertisement) steps() []func(*wire.Fields) {
	var steps []func(*wire.Fields)
	for _, text := range a.Communities {
		if c, err := readCommunity(text); err == nil { // others would be none
			steps = append(steps, c.add)
		}
	}
	return steps
}

// Equal reports whether two say the same.
func (e Export) Equal(o Export) bool {
	return slices.Equal(e.Reject, o.Reject) && slices.Equal(e.Blocks, o.Blocks) &&
		slices.Equal(e.Services, o.Services) && slices.Equal(e.Accept, o.Accept) &&
		e.Normal == o.Normal && e.Tunnel == o.Tunnel &&
		slices.EqualFunc(e.Advertise, o.Advertise, Advertisement.equal)
}

// Permits reports whether peers may hear of a route to p with a priority, unless it
// leads to a workload.
func (e Export) Permits(p netip.Prefix, priority uint32) bool {
	switch {
	case Within(p, e.Reject):
		return false
	case Within(p, e.Blocks):
		return slices.Contains(e.Blocks, p) || priority < e.Normal.Of(p)
	}
	return Within(p, e.Services) || Within(p, e.Accept)
}

// Within reports whether p is one of some prefixes, or lies inside of one.
func Within(p netip.Prefix, in []netip.Prefix) bool {
	for _, q := range in {
		if q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// An Exporter judges what is to go out to peers of one type. It is for one
// goroutine at a time.
type Exporter struct {
	filters
	reject, blocks, services, accept bart.Lite

	normal    Priorities
	workloads func(string) bool   // interfaces whose routes are kept
	advertise bart.Table[*change] // what communities are added inside of a prefix
}

// NewExporter makes an Exporter; external says whether the peers are in another
// AS than we are towards them.
func NewExporter(c Chain, e Export, external bool) *Exporter {
	x := &Exporter{filters: newFilters(c, external), normal: e.Normal}
	insert(&x.reject, e.Reject)
	insert(&x.blocks, e.Blocks)
	insert(&x.services, e.Services)
	insert(&x.accept, e.Accept)
	x.workloads = ofEBPF
	if !external {
		x.workloads = func(name string) bool { return OfWorkloads(name) && (name != tunnel || !e.Tunnel) }
	}
	for _, a := range e.Advertise {
		add, ok := x.advertise.Get(a.CIDR)
		if !ok {
			add = &change{}
			x.advertise.Insert(a.CIDR, add)
		}
		add.steps = append(add.steps, a.steps()...)
	}
	return x
}

// Judge decides on a route.
func (x *Exporter) Judge(t Route) Decision {
	if d, decided := x.judge(&t); decided {
		return d
	}
	switch {
	case x.reject.LookupPrefix(t.Prefix):
		return Decision{By: ByShutPool}
	case t.Interface != "" && x.workloads(t.Interface):
		return Decision{By: ByInterface}
	case x.blocks.LookupPrefix(t.Prefix):
		if x.blocks.Get(t.Prefix) || PriorityOf(t.Attrs) < x.normal.Of(t.Prefix) {
			return x.told(&t, ByBlock)
		}
		return Decision{By: ByBlock}
	case x.services.LookupPrefix(t.Prefix):
		return x.told(&t, ByService)
	case x.accept.LookupPrefix(t.Prefix):
		return x.told(&t, ByPool)
	}
	return Decision{}
}

// tunnel is the interface of Linux that IPIP packets leave by.
const tunnel = "tunl0"

// OfWorkloads reports whether the routes by an interface lead to workloads of this
// node, by the names that Calico's BIRD looks at: those are nothing to tell peers
// of the own AS, which know the workloads' block. Other peers hear of them, except
// by the interfaces that ofEBPF finds.
func OfWorkloads(name string) bool {
	return name == tunnel || strings.HasSuffix(name, ".cali") || strings.HasSuffix(name, ".calico")
}

// ofEBPF reports whether an interface is that of Calico's eBPF dataplane, whose
// routes nobody is told.
func ofEBPF(name string) bool {
	return strings.HasPrefix(name, "bpf") && strings.HasSuffix(name, ".cali")
}

func insert(to *bart.Lite, list []netip.Prefix) {
	for _, p := range list {
		to.Insert(p)
	}
}

// told is a route that by is for, with the communities of all prefixes it lies in.
func (x *Exporter) told(t *Route, by Step) Decision {
	d := Decision{Attrs: t.Attrs, By: by}
	if x.advertise.Size() == 0 {
		return d
	}
	for _, add := range x.advertise.Supernets(t.Prefix) {
		if d.Attrs = x.changed.apply(add, d.Attrs); d.Attrs == nil {
			d.By = ByItsLength
			break
		}
	}
	return d
}
