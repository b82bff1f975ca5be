package bench

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

var (
	reflected = flag.Int("reflected", 100_000, "number of routes of S6")
	clients   = flag.String("clients", "10,50,100", "numbers of clients of S6")
)

// BenchmarkS6 is a reflector: one client's routes to many others.
func BenchmarkS6(b *testing.B) {
	g := growth{title: "S6, cost of a client", unit: "clients"}
	for _, n := range numbers(b, "clients", *clients) {
		c := contest{title: fmt.Sprintf("S6: %d routes of one client reflected to %d others, first UPDATE until all have all", *reflected, n), n: n * *reflected, unit: "routes told"}
		g.add(n, c.run(b, func(s speaker) result { return reflect(b, s, n, *reflected) }))
	}
	g.print()
}

func reflect(b *testing.B, s speaker, clients, routes int) result {
	var complete atomic.Int32
	all := make(chan time.Time, 1)
	f, err := with(b, s, setting{neighbours: clients + 1, reflect: true}, func(i int) func([]byte) {
		if i == 0 {
			return func([]byte) {}
		}
		heard := &listener{seen: make([]uint64, (routes+63)/64), left: routes}
		return func(update []byte) {
			if heard.update(update) && int(complete.Add(1)) == clients {
				all <- time.Now()
			}
		}
	})
	defer f.over()
	if err != nil {
		return result{err: err}
	}
	messages := lab.Updates(routes, nil, nth(0), false)
	before := costOf(b, f.speaker)
	start := time.Now()
	f.send(0, messages, lab.EndOfRIB())
	var end time.Time
	err = await(*limit, func() error {
		if err := f.broken(); err != nil {
			return err
		}
		select {
		case end = <-all:
			return nil
		default:
			return errors.New("not all clients have heard everything")
		}
	})
	return result{took: end.Sub(start), cost: costOf(b, f.speaker).since(before), err: err}
}

// A listener counts the different prefixes of lab.Prefix it hears.
type listener struct {
	seen []uint64
	left int
}

// update reads the body of an UPDATE and reports whether with it all prefixes
// have been told.
func (l *listener) update(body []byte) (complete bool) {
	be := binary.BigEndian
	withdrawn := body[2+int(be.Uint16(body)):]
	nlri := withdrawn[2+int(be.Uint16(withdrawn)):]
	for len(nlri) >= 4 && nlri[0] == 24 {
		i := int(nlri[1])<<16 + int(nlri[2])<<8 + int(nlri[3]) - 1<<16
		nlri = nlri[4:]
		if i < 0 || i/64 >= len(l.seen) || l.seen[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		l.seen[i/64] |= 1 << (i % 64)
		if l.left--; l.left == 0 {
			complete = true
		}
	}
	return complete
}
