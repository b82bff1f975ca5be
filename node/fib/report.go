package fib

import (
	"net/netip"
	"slices"

	"github.com/calctl/calctl/status"
)

// maxFailures is how many routes that aren't in the kernel Status names.
const maxFailures = 100

// Status counts what is wanted and what is there. It takes milliseconds for a
// million routes.
func (s *Syncer) Status() status.Routes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count()
}

func (s *Syncer) count() status.Routes {
	var r status.Routes
	var failed []uint32 // at most twice maxFailures, so that a million failures cost no more
	s.table.each(func(id uint32, e *entry) {
		if e.want == 0 {
			if e.have != 0 && e.flags&claimed == 0 {
				r.Stale++
			}
			return
		}
		r.Wanted++
		if n := s.table.vias.at(e.want); n.why == "" && n.hops == e.have && n.metric == e.metric {
			r.Installed++
			return
		}
		r.NotInstalled++
		if e.flags&(toWrite|moving) != 0 && e.refusal == 0 {
			return // its turn comes
		}
		if failed = append(failed, id); len(failed) == 2*maxFailures {
			failed = s.lowest(failed)
		}
	})
	for _, id := range s.lowest(failed) {
		e := s.table.at(id)
		r.Failed = append(r.Failed, status.RouteFailure{Prefix: e.dst.prefix(), Reason: s.why(e)})
	}
	return r
}

// lowest sorts entries by destination and keeps the first maxFailures.
func (s *Syncer) lowest(ids []uint32) []uint32 {
	slices.SortFunc(ids, func(a, b uint32) int {
		return netip.Prefix.Compare(s.table.at(a).dst.prefix(), s.table.at(b).dst.prefix())
	})
	return ids[:min(len(ids), maxFailures)]
}

// why says why a wanted route is not in the kernel as it should be.
func (s *Syncer) why(e *entry) string {
	n := s.table.vias.at(e.want)
	if n.why != "" {
		return n.why
	}
	if why, _ := s.facts.obstacle(e.dst.prefix(), n.metric); why != "" {
		return why
	}
	if why := s.contests.why(e.dst); why != "" {
		return why
	}
	if e.refusal != 0 {
		return s.reasons.text(e.refusal)
	}
	return "waiting to be written"
}

// reasons numbers the few texts the kernel refuses routes with.
type reasons struct {
	texts   []string
	numbers map[string]uint16
}

// maxReasons bounds the texts: beyond, they are all called by the last one.
const maxReasons = 1000

func (r *reasons) number(text string) uint16 {
	if n, ok := r.numbers[text]; ok {
		return n
	}
	if len(r.texts) >= maxReasons {
		return maxReasons
	}
	if r.numbers == nil {
		r.numbers = map[string]uint16{}
	}
	r.texts = append(r.texts, text)
	r.numbers[text] = uint16(len(r.texts))
	return uint16(len(r.texts))
}

func (r *reasons) text(n uint16) string { return r.texts[n-1] }
