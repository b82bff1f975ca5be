package trial

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// An Answer is what becomes of a route. Its attributes are those that it is
// taken in with, told with, or installed with; a rejected route has none.
type Answer struct {
	Action string `json:"action"` // accept or reject
	// LocalPref is missing where it is not told: towards eBGP peers.
	LocalPref *uint32 `json:"localPref,omitempty"`
	// Metric is what LocalPref makes it in a kernel: 2147483647 - LocalPref. Of a route
	// that is installed it is what the kernel shows.
	Metric           *uint32  `json:"metric,omitempty"`
	MED              *uint32  `json:"med,omitempty"`
	ASPath           []uint32 `json:"asPath"` // sets are taken apart
	Communities      []string `json:"communities"`
	LargeCommunities []string `json:"largeCommunities"`
	// Rule is what decided: the place in a resource, such as
	// "BGPFilter(tor) spec.exportV4[0]", a rule of BGP itself, or "default".
	Rule string `json:"rule"`
	// Unmet are the expectations that the answer does not meet.
	Unmet []string `json:"unmet,omitempty"`
}

// The actions.
const (
	accept = "accept"
	reject = "reject"
)

func rejected(rule string) Answer {
	return Answer{Action: reject, ASPath: []uint32{}, Communities: []string{}, LargeCommunities: []string{}, Rule: rule}
}

// accepted is the answer for a route with attributes; told says that LOCAL_PREF
// is among what the other end learns.
func accepted(a *wire.Attrs, told bool, rule string) Answer {
	answer := rejected(rule)
	answer.Action = accept
	if told {
		pref, metric := prefOf(a), policy.PriorityOf(a)
		answer.LocalPref, answer.Metric = &pref, &metric
	}
	if med, ok := a.MED(); ok {
		answer.MED = &med
	}
	for s := range a.ASPath().Segments() {
		for i := range s.Len() {
			answer.ASPath = append(answer.ASPath, s.AS(i))
		}
	}
	answer.Communities = append(answer.Communities, strings.Fields(a.Communities().String())...)
	answer.LargeCommunities = append(answer.LargeCommunities, strings.Fields(a.LargeCommunities().String())...)
	return answer
}

// An Expectation is what an answer should be: its action, or some of its fields
// and what they should be. Communities are expected in any order.
type Expectation struct {
	Action           string          `json:"action,omitempty"`
	LocalPref        *uint32         `json:"localPref,omitempty"`
	Metric           *uint32         `json:"metric,omitempty"`
	MED              *uint32         `json:"med,omitempty"`
	ASPath           []resources.ASN `json:"asPath,omitempty"` // nil: any
	Communities      []string        `json:"communities,omitempty"`
	LargeCommunities []string        `json:"largeCommunities,omitempty"`
	Rule             string          `json:"rule,omitempty"`
}

// UnmarshalJSON reads an action, or an object of fields.
func (e *Expectation) UnmarshalJSON(b []byte) error {
	type object Expectation
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	var err error
	if strings.HasPrefix(string(b), `"`) {
		err = d.Decode(&e.Action)
	} else {
		err = d.Decode((*object)(e))
	}
	if err != nil || e.Action != "" && e.Action != accept && e.Action != reject {
		return bad("expect", string(b), "write \"accept\", \"reject\", or an object with some of action, localPref, metric, med, asPath, communities, largeCommunities and rule")
	}
	return nil
}

// unmet says what of the answer is not as expected.
func (e *Expectation) unmet(a *Answer) (unmet []string) {
	if e == nil {
		return nil
	}
	differ := func(field string, got, want any) {
		unmet = append(unmet, fmt.Sprintf("%s is %v, expected %v", field, got, want))
	}
	if e.Action != "" && e.Action != a.Action {
		differ("action", a.Action, e.Action)
	}
	for _, n := range [...]struct {
		field     string
		want, got *uint32
	}{{"localPref", e.LocalPref, a.LocalPref}, {"metric", e.Metric, a.Metric}, {"med", e.MED, a.MED}} {
		switch {
		case n.want == nil:
		case n.got == nil:
			differ(n.field, "missing", *n.want)
		case *n.got != *n.want:
			differ(n.field, *n.got, *n.want)
		}
	}
	if e.ASPath != nil && !slices.EqualFunc(e.ASPath, a.ASPath, func(x resources.ASN, y uint32) bool { return uint32(x) == y }) {
		differ("asPath", a.ASPath, e.ASPath)
	}
	for _, c := range [...]struct {
		field     string
		want, got []string
	}{{"communities", e.Communities, a.Communities}, {"largeCommunities", e.LargeCommunities, a.LargeCommunities}} {
		if c.want != nil && !slices.Equal(slices.Sorted(slices.Values(c.want)), slices.Sorted(slices.Values(c.got))) {
			differ(c.field, c.got, c.want)
		}
	}
	if e.Rule != "" && e.Rule != a.Rule {
		differ("rule", a.Rule, e.Rule)
	}
	return unmet
}
