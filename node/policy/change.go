package policy

import (
	"fmt"

	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// A change is what operations do to attributes, in their order.
type change struct{ steps []func(*wire.Fields) }

func readOperations(list []resources.BGPFilterOperation) (*change, error) {
	c := &change{}
	for _, o := range list {
		switch {
		case o.AddCommunity != nil:
			v, err := readCommunity(o.AddCommunity.Value)
			if err != nil {
				return nil, err
			}
			c.steps = append(c.steps, v.add)
		case o.PrependASPath != nil:
			path := numbers(o.PrependASPath.Prefix)
			c.steps = append(c.steps, func(f *wire.Fields) { f.ASPath = f.ASPath.Prepend(path...) })
		case o.SetPriority != nil && o.SetPriority.Value != nil:
			v := LocalPref(uint32(*o.SetPriority.Value))
			c.steps = append(c.steps, func(f *wire.Fields) { f.LocalPref, f.HasLocalPref = v, true })
		default:
			return nil, fmt.Errorf("operations: write addCommunity, prependASPath or setPriority")
		}
	}
	return c, nil
}

// add adds the community unless it is there.
func (c communities) add(f *wire.Fields) {
	if c.parts == 3 {
		f.LargeCommunities = f.LargeCommunities.With(c.large)
	} else {
		f.Communities = f.Communities.With(c.standard)
	}
}

// apply returns the attributes changed; a itself when they say the same, and
// nil when no message could carry them any more.
func (c *change) apply(a *wire.Attrs) *wire.Attrs {
	f := a.Fields()
	for _, step := range c.steps {
		step(&f)
	}
	b, err := f.Build()
	switch {
	case err != nil:
		return nil
	case b.Equal(a):
		return a
	}
	return b
}

// memory is how many changed sets are remembered at most.
const memory = 1024

// changed remembers what became of attributes: many routes share them.
type changed map[changing]*wire.Attrs

type changing struct {
	by   *change
	from *wire.Attrs
}

func (m *changed) apply(by *change, from *wire.Attrs) *wire.Attrs {
	k := changing{by, from}
	a, ok := (*m)[k]
	if !ok {
		if *m == nil || len(*m) >= memory {
			*m = changed{}
		}
		a = by.apply(from)
		(*m)[k] = a
	}
	return a
}
