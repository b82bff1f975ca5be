package fib

// A step is what has to happen to one destination.
type step uint8

const (
	keep step = iota
	add
	replace
	remove
)

// plan says how to get from what the kernel has to what it should have, both
// numbers of hop sets. elsewhere says that what it has is at another metric than
// it should, so that both can be there for a while; blocked that someone else's route
// is in the way.
//
// A route that is there as it should be is not touched, whoever's run made
// it: that is what lets packets flow through a restart. One whose place is
// contested is never replaced, because the kernel's replace takes the first
// route with the metric whatever its protocol; only remove is careful.
func plan(target, have uint32, elsewhere, blocked bool) step {
	switch {
	case target == have && !elsewhere:
		return keep
	case target == 0:
		return remove
	case blocked && have == 0:
		return keep
	case blocked:
		return remove
	case have == 0, elsewhere:
		return add
	}
	return replace
}
