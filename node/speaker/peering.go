package speaker

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

const (
	// holdTime is BIRD's, which is what Calico's nodes have; we speak three
	// times in it.
	holdTime = 240 * time.Second
	// connectRetry is how often a peer is dialled, as by Calico's BIRD.
	connectRetry = 5 * time.Second
	// multihop is the TTL of what we send. All sessions of Calico are multihop.
	multihop = 64
	// batchSize is how many prefixes are handed to the owner at once at most:
	// enough that the handing over costs nothing, few enough that a batch in
	// the making costs no memory to speak of.
	batchSize = 16_384
	// waiting is how many batches of one peer may be with the owner, one that it
	// learns and the next. With more, a peer that floods us would stand in the queue
	// before all others again and again.
	waiting = 2
)

// A peering is the engine's side of one session, which calls it from its own
// goroutines. What only the owner may touch is marked.
type peering struct {
	c       *core
	at      netip.AddrPort
	want    intent.Peer
	family  wire.Family // sessions carry the family of their address, as Calico's do
	session *session.Session
	ended   chan struct{} // closed when nothing of the session is left

	pending *batch        // the session's, while it reads; nil: nothing was said yet
	waiting chan struct{} // has one for each batch that the owner hasn't learned

	// The owner's.
	peer     *rib.Peer
	member   *adjout.Member // nil while the session is down
	self     netip.Addr     // our address of the session
	restart  time.Duration  // how long the peer wants its routes kept
	stale    bool           // routes of the session before are kept (RFC 4724, 4.2)
	expiry   *time.Timer    // ends that
	rules    intent.Rules
	importer *policy.Importer // the filters of rules, made
	judged   *wire.Attrs      // the last attributes importing looked at
	loops    bool             // and what it found
	way      string           // the interface its next hop is reached by, if a filter asks
	enhanced bool             // refreshes are marked (RFC 7313)
}

func newPeering(c *core, at netip.AddrPort, want intent.Peer) (*peering, error) {
	p := &peering{
		c: c, at: at, want: want, family: wire.IPv4,
		ended: make(chan struct{}), waiting: make(chan struct{}, waiting),
		rules: want.Rules,
	}
	if at.Addr().Is6() {
		p.family = wire.IPv6
	}
	var err error
	p.session, err = session.New(session.Config{
		Remote: at, Local: want.LocalAddress,
		LocalAS: p.localAS(), PeerAS: want.ASN, ID: c.id,
		HoldTime: holdTime, Keepalive: want.Keepalive, ConnectRetry: connectRetry,
		Passive: want.Passive, Password: session.Secret(want.Password.Reveal()), TTL: multihop, GTSM: want.TTLSecurity,
		Capabilities: p.capabilities, Require: wire.SetOf(p.family),
		Network: c.network, Attributes: c.attrs,
	}, p, c.door, c.log.With("name", want.Name))
	return p, err
}

// run keeps the session going until it is ended.
func (p *peering) run() {
	defer close(p.ended)
	if err := p.session.Run(p.c.ctx); err != nil {
		p.c.ears.failed(p.at, err)
	}
}

// capabilities are what an OPEN offers.
func (p *peering) capabilities() wire.Capabilities {
	family := wire.SetOf(p.family)
	time := cmp.Or(p.want.RestartTime, intent.DefaultRestartTime)
	restart := &wire.GracefulRestart{Restarting: p.c.restarting.Load(), Time: max(time, 0), Families: family}
	if p.c.forwarding.Load() {
		restart.Forwarding = family
	}
	return wire.Capabilities{
		Families: family, Refresh: true, EnhancedRefresh: true, ExtendedMessage: true,
		HasFourOctetAS: true, GracefulRestart: restart, HasLongLived: true,
		AddPathSend: family, AddPathReceive: family,
	}
}

// localAS is the AS number we have towards the peer.
func (p *peering) localAS() uint32 { return cmp.Or(p.want.LocalASN, p.c.asn) }

// Established implements session.Handler.
func (p *peering) Established(t session.Terms) session.Source {
	var member *adjout.Member
	p.c.call(func() {
		p.up(t)
		member = p.member
	})
	if member == nil {
		return silence{} // the engine has ended
	}
	return member
}

// silence is what there is to say when the engine has ended.
type silence struct{}

func (silence) Fill(buf []byte) []byte { return buf }

// Update implements session.Handler.
func (p *peering) Update(u *wire.Update, more bool) *wire.Error {
	if p.pending == nil {
		p.pending, _ = batches.Get().(*batch)
	}
	p.pending.add(u)
	if more && len(p.pending.dests) < batchSize {
		return nil
	}
	p.hand()
	return nil
}

// hand gives the owner what has been read, when the peer's turn has come.
func (p *peering) hand() {
	if p.pending == nil || len(p.pending.ops) == 0 {
		return
	}
	select {
	case p.waiting <- struct{}{}:
		p.c.send(job{from: p, batch: p.pending})
	case <-p.c.ctx.Done():
	}
	p.pending = nil // peers are silent most of the time, and a batch may be large
}

// Refresh implements session.Handler.
func (p *peering) Refresh(r wire.Refresh) {
	p.hand()
	p.c.send(job{do: func() { p.refresh(r) }})
}

// Down implements session.Handler.
func (p *peering) Down(r session.Reason) {
	p.hand()
	p.c.call(func() { p.down(r) })
}

// Changed implements session.Handler.
func (p *peering) Changed() { p.c.ears.changed(p.at, p.session.Status) }
