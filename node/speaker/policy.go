package speaker

import (
	"net/netip"

	"github.com/osrg/gobgp/v4/api"

	"github.com/calctl/calctl/node/intent"
)

// exportPolicy is the name of the one policy there is. It stays assigned to
// the global table while its content is replaced as one.
const exportPolicy = "export"

// defaultLocalPref is the LOCAL_PREF of a route that says nothing else, here
// as in BIRD.
const defaultLocalPref = 100

// renderExport turns the export rules into GoBGP's terms: one statement per
// rule and family, rejects first, and what no statement decides is rejected by
// the assignment's default.
//
// A condition on an empty prefix set, or on a set of the other family, is
// never true, also when inverted; a set holds one family only. Hence no empty
// sets, and no inversion.
func renderExport(e intent.Export) *api.SetPoliciesRequest {
	policy := &api.Policy{Name: exportPolicy}
	req := &api.SetPoliciesRequest{Policies: []*api.Policy{policy}}
	add := func(name string, prefixes []netip.Prefix, action api.RouteAction) {
		if len(prefixes) == 0 {
			return
		}
		req.DefinedSets = append(req.DefinedSets, &api.DefinedSet{
			DefinedType: api.DefinedType_DEFINED_TYPE_PREFIX, Name: name, Prefixes: inside(prefixes),
		})
		in := &api.MatchSet{Type: api.MatchSet_TYPE_ANY, Name: name}
		if action == api.RouteAction_ROUTE_ACTION_ACCEPT {
			// What is ours goes out as good as any: see localPath.
			policy.Statements = append(policy.Statements, &api.Statement{
				Name:       name + "-local",
				Conditions: &api.Conditions{PrefixSet: in, RouteType: api.Conditions_ROUTE_TYPE_LOCAL},
				Actions:    &api.Actions{RouteAction: action, LocalPref: &api.LocalPrefAction{Value: defaultLocalPref}},
			})
		}
		policy.Statements = append(policy.Statements, &api.Statement{
			Name:       name,
			Conditions: &api.Conditions{PrefixSet: in},
			Actions:    &api.Actions{RouteAction: action},
		})
	}
	reject4, reject6 := split(e.Reject)
	accept4, accept6 := split(e.Accept)
	add("reject-ipv4", reject4, api.RouteAction_ROUTE_ACTION_REJECT)
	add("reject-ipv6", reject6, api.RouteAction_ROUTE_ACTION_REJECT)
	add("accept-ipv4", accept4, api.RouteAction_ROUTE_ACTION_ACCEPT)
	add("accept-ipv6", accept6, api.RouteAction_ROUTE_ACTION_ACCEPT)
	return req
}

// inside are conditions that hold for each prefix and everything within it.
// The bounds must be given: 0..0 would match nothing.
func inside(prefixes []netip.Prefix) []*api.Prefix {
	list := make([]*api.Prefix, len(prefixes))
	for i, p := range prefixes {
		list[i] = &api.Prefix{
			IpPrefix:      p.String(),
			MaskLengthMin: uint32(p.Bits()),
			MaskLengthMax: uint32(p.Addr().BitLen()),
		}
	}
	return list
}

func split(prefixes []netip.Prefix) (v4, v6 []netip.Prefix) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return v4, v6
}
