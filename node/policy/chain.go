package policy

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/calctl/calctl/resources"
)

// A Filter is what a BGPFilter says about one direction and address family.
type Filter struct {
	Name  string                    `json:"name"`
	List  string                    `json:"list"` // of the spec, such as importV4
	Rules []resources.BGPFilterRule `json:"rules"`
}

// Of takes a BGPFilter apart: what it says of routes of one family that come
// in, and of those that go out. It fails when a rule can't be read, which
// validated BGPFilters have none of.
func Of(f *resources.BGPFilter, v4 bool) (in, out Filter, err error) {
	in, out = split(f, v4)
	for _, x := range []Filter{in, out} {
		for i := range x.Rules {
			if _, err := compile(&x.Rules[i]); err != nil {
				return in, out, fmt.Errorf("spec.%s[%d].%w", x.List, i, err)
			}
		}
	}
	return in, out, nil
}

func split(f *resources.BGPFilter, v4 bool) (in, out Filter) {
	if v4 {
		return Filter{f.Name, "importV4", f.Spec.ImportV4}, Filter{f.Name, "exportV4", f.Spec.ExportV4}
	}
	return Filter{f.Name, "importV6", f.Spec.ImportV6}, Filter{f.Name, "exportV6", f.Spec.ExportV6}
}

// Closed is what stands for a filter that can't be read: it lets nothing pass.
// in and out are for routes that come in and go out.
func Closed(name string, v4 bool) (in, out Filter) {
	shut := []resources.BGPFilterRule{{Action: "Reject"}}
	f := &resources.BGPFilter{Spec: resources.BGPFilterSpec{ImportV4: shut, ExportV4: shut, ImportV6: shut, ExportV6: shut}}
	f.Name = name
	return split(f, v4)
}

// A Chain is the filters of a session for one direction, in the order they are
// asked. It never changes, and chains that are equal (==) decide alike. The
// zero Chain has no filters.
type Chain struct {
	// The filters in JSON: that is what makes a list of lists comparable.
	text string
}

// NewChain makes a chain. Filters without rules have no part in it.
func NewChain(list ...Filter) Chain {
	list = slices.DeleteFunc(slices.Clone(list), func(f Filter) bool { return len(f.Rules) == 0 })
	if len(list) == 0 {
		return Chain{}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return Chain{"unreadable"} // can't be: these are texts and numbers
	}
	return Chain{string(text)}
}

// Filters returns what the chain was made of.
func (c Chain) Filters() []Filter {
	if c.text == "" {
		return nil
	}
	var list []Filter
	if err := json.Unmarshal([]byte(c.text), &list); err != nil {
		in, _ := Closed("unreadable", true)
		return []Filter{in}
	}
	return list
}

// String is the filters in JSON, empty for none. Equal chains have equal
// strings.
func (c Chain) String() string { return c.text }

// A Place is where a rule stands.
type Place struct {
	Filter string // the BGPFilter's name
	List   string // such as importV4
	Index  int    // from 0
}

// String writes the place as problems and errors name fields.
func (p Place) String() string {
	return fmt.Sprintf("BGPFilter(%s) spec.%s[%d]", p.Filter, p.List, p.Index)
}
