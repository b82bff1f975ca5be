package node

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/status"
)

// A reporter puts together what the parts hold. It keeps nothing itself.
type reporter struct {
	config   Config
	started  time.Time
	follow   *reconciler
	peers    func() []status.Peer
	sessions func() (up, all int)
	routes   func() status.Routes
}

// Report answers a status request.
func (r reporter) Report() status.Report {
	report := status.Report{
		Node:    r.config.Name,
		Version: r.config.Version,
		PID:     os.Getpid(),
		Started: r.started,
		Peers:   r.peers(),
		Routes:  r.routes(),
	}
	health := r.config.Store.Health()
	report.Datastore = status.Datastore{Location: health.Location, Since: health.Since}
	held, since := r.follow.guard.Held()
	if since.Before(health.Since) && held != nil || health.Err == nil {
		report.Datastore.Since = since
	}
	if err := errors.Join(held, health.Err); err != nil {
		report.Datastore.Error = err.Error()
	}
	if o := r.follow.outcome.Load(); o != nil {
		report.Peers = intent.WithRefused(report.Peers, o.want.Refused, o.offer.at)
		report.Datastore.Updated = o.offer.at
		if o.want.Enabled() {
			report.ASNumber = o.want.ASN
			report.RouterID = o.want.RouterID.String()
		}
		for _, p := range o.problems {
			report.Problems = append(report.Problems, status.Problem{Subject: p.Subject(), Text: p.Text})
		}
		if o.err != nil {
			report.Problems = append(report.Problems, status.Problem{Subject: "BGP", Text: o.err.Error()})
		}
	}
	return report
}

// Summary is the report in half a line, for systemctl status.
func (r reporter) Summary() string {
	up, all := r.sessions()
	return fmt.Sprintf("%d of %d sessions established", up, all)
}
