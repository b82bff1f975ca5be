package policy

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// A Kernel says which routes, learned by BGP or configured, are not for the
// kernel's table. Its lists are sorted.
type Kernel struct {
	Services []netip.Prefix // ranges of service addresses: whoever balances their load has them
	Pools    []netip.Prefix // IPPools that programClusterRoutes leaves to others
}

// Equal reports whether two say the same.
func (k Kernel) Equal(o Kernel) bool {
	return slices.Equal(k.Services, o.Services) && slices.Equal(k.Pools, o.Pools)
}

// An Installer decides which routes the kernel gets.
type Installer struct{ services, pools bart.Lite }

// NewInstaller makes one.
func NewInstaller(k Kernel) *Installer {
	i := &Installer{}
	insert(&i.services, k.Services)
	insert(&i.pools, k.Pools)
	return i
}

// Judge reports whether the kernel gets the routes to a prefix, and what decides.
func (i *Installer) Judge(p netip.Prefix) (installed bool, by Step) {
	switch {
	case i.services.LookupPrefix(p):
		return false, ByService
	case i.pools.LookupPrefix(p):
		return false, ByKeptPool
	}
	return true, ByDefault
}
