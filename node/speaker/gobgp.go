package speaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
)

const (
	// holdTime and keepalive are BIRD's, which are what Calico's nodes have.
	holdTime  = 240 * time.Second
	keepalive = holdTime / 3
	// restartTime is how long peers keep our routes after our end, as Calico's do.
	restartTime = 120 * time.Second
	// deferral is how long a restarting speaker withholds its routes for peers
	// that have not sent theirs. One dead peer makes all others wait this long.
	deferral = 10 * time.Second
	// connectRetry is how often GoBGP dials by itself; 2 s is its least.
	connectRetry = 5 * time.Second
	// multihop is the TTL towards external peers. All sessions of Calico are
	// multihop; 64 is also Linux's default.
	multihop = 64
)

// gobgp is an engine that is GoBGP's server. All calls of it are here and in
// kick.go. It must be given checked values only: GoBGP panics on bad ones.
type gobgp struct {
	srv    *server.BgpServer
	asn    uint32
	log    *slog.Logger
	book   *book
	ctx    context.Context // ends with the engine
	cancel context.CancelFunc

	telling sync.Mutex // held while the ears are told something
	closed  bool

	mu     sync.Mutex
	kicks  map[netip.Addr]context.CancelFunc
	own    map[netip.Addr]int // local addresses of sessions, which are no next hops
	unsafe map[netip.Addr]string
}

// startGoBGP starts a server. It lets no route out before it has an export
// policy.
func startGoBGP(log *slog.Logger, b *book, want intent.BGP, e ears) (*gobgp, error) {
	ctx, cancel := context.WithCancel(context.Background())
	g := &gobgp{
		asn: want.ASN, log: log, book: b, ctx: ctx, cancel: cancel,
		kicks: map[netip.Addr]context.CancelFunc{}, own: map[netip.Addr]int{}, unsafe: map[netip.Addr]string{},
	}
	g.own[want.RouterID] = 1
	g.srv = server.NewBgpServer(server.LoggerOption(newTap(log, g.heard), nil))
	if q := acceptQueue(g.srv); q != nil {
		*q = make(chan net.Conn, 32) // stays when GoBGP does not listen
	} else {
		log.Warn("can't hand connections to GoBGP: sessions take two seconds to start")
	}
	go g.srv.Serve()
	if err := g.start(want, e); err != nil {
		g.stop()
		return nil, err
	}
	return g, nil
}

func (g *gobgp) start(want intent.BGP, e ears) error {
	port := int32(want.Port)
	if port == 0 {
		port = -1 // do not listen; GoBGP takes 0 for 179
	}
	err := g.srv.StartBgp(g.ctx, &api.StartBgpRequest{Global: &api.Global{
		Asn: want.ASN, RouterId: want.RouterID.String(),
		ListenPort: port, ListenAddresses: listenAddresses(),
		Families:         []uint32{0, 1}, // IPv4 and IPv6 unicast; nothing means thirty of them
		UseMultiplePaths: true,
	}})
	if err != nil {
		return fmt.Errorf("listen for BGP on port %d: %w", want.Port, err)
	}
	if err := g.assignPolicy(nil); err != nil {
		return fmt.Errorf("reject all exports: %w", err)
	}
	if err := g.watch(e); err != nil {
		return fmt.Errorf("watch GoBGP: %w", err)
	}
	return nil
}

// listenAddresses are both wildcards, or IPv4's alone when the kernel has no IPv6.
func listenAddresses() []string {
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return []string{"0.0.0.0"}
	}
	return []string{"0.0.0.0", "::"}
}

// farewell tells all peers that this node goes (Cease, administrative
// shutdown) and waits until they have been told, a second at most.
func (g *gobgp) farewell(why string) {
	// One by one: asked to tell all, GoBGP has them share a message it changes.
	for _, peer := range g.book.up() {
		req := &api.ShutdownPeerRequest{Address: peer.String(), Communication: why}
		if err := g.srv.ShutdownPeer(g.ctx, req); err != nil {
			g.log.Debug("could not say farewell", "peer", peer, "error", err)
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Second); len(g.book.up()) > 0 && time.Now().Before(limit); {
		<-tick.C
	}
}

// stop ends the server. Nobody is told anything after it has begun. Peers that
// had no farewell get Cease, peer de-configured.
func (g *gobgp) stop() {
	g.telling.Lock()
	g.closed = true
	g.telling.Unlock()
	g.cancel()
	g.srv.Stop()
}

func (g *gobgp) addPeer(at netip.AddrPort, p intent.Peer, restarting bool) error {
	conf := peerConfig(at, p, g.asn)
	conf.GracefulRestart.LocalRestarting = restarting
	if err := g.srv.AddPeer(g.ctx, &api.AddPeerRequest{Peer: conf}); err != nil {
		return err
	}
	g.mu.Lock()
	failed, bad := g.unsafe[at.Addr()]
	delete(g.unsafe, at.Addr())
	if p.LocalAddress.IsValid() && !bad {
		g.own[p.LocalAddress]++
	}
	g.mu.Unlock()
	if bad {
		// GoBGP only logs it, and would then accept the peer without a password.
		err := errors.New("the kernel does not take the password (TCP MD5): " + failed)
		return errors.Join(err, g.srv.DeletePeer(g.ctx, &api.DeletePeerRequest{Address: at.Addr().String()}))
	}
	g.kick(at, p)
	return nil
}

func (g *gobgp) kick(at netip.AddrPort, p intent.Peer) {
	queue := acceptQueue(g.srv)
	if p.Passive || queue == nil {
		return
	}
	k := &kick{at: at, local: p.LocalAddress, password: p.Password.Reveal(), queue: *queue, book: g.book}
	if p.ASN != g.asn {
		k.ttl = multihop
	}
	ctx, cancel := context.WithCancel(g.ctx)
	g.mu.Lock()
	g.kicks[at.Addr()] = cancel
	g.mu.Unlock()
	go k.run(ctx)
}

// removePeer sends Cease, peer de-configured.
func (g *gobgp) removePeer(at netip.AddrPort, p intent.Peer) error {
	g.mu.Lock()
	if cancel, ok := g.kicks[at.Addr()]; ok {
		cancel()
		delete(g.kicks, at.Addr())
	}
	if g.own[p.LocalAddress]--; g.own[p.LocalAddress] <= 0 {
		delete(g.own, p.LocalAddress)
	}
	g.mu.Unlock()
	if p.Password.IsSet() {
		// DeletePeer leaves the key on the listener: the peer could never come
		// back without a password. Taking the password away first does not.
		p.Password = resources.Password{}
		if _, err := g.srv.UpdatePeer(g.ctx, &api.UpdatePeerRequest{Peer: peerConfig(at, p, g.asn)}); err != nil {
			g.log.Debug("could not take the password off the listener", "peer", at.Addr(), "error", err)
		}
	}
	return g.srv.DeletePeer(g.ctx, &api.DeletePeerRequest{Address: at.Addr().String()})
}

func peerConfig(at netip.AddrPort, p intent.Peer, ownASN uint32) *api.Peer {
	afi := api.Family_AFI_IP6
	if at.Addr().Is4() {
		afi = api.Family_AFI_IP
	}
	conf := &api.Peer{
		Conf: &api.PeerConf{NeighborAddress: at.Addr().String(), PeerAsn: p.ASN, AuthPassword: p.Password.Reveal()},
		Transport: &api.Transport{
			RemotePort:  uint32(at.Port()),
			PassiveMode: p.Passive,
		},
		Timers: &api.Timers{Config: &api.TimersConfig{
			HoldTime: uint64(seconds(holdTime)), KeepaliveInterval: uint64(seconds(keepalive)),
			ConnectRetry: uint64(seconds(connectRetry)), IdleHoldTimeAfterReset: 1,
		}},
		// Without NotificationEnabled (RFC 8538), as BIRD 1.6: our Cease then
		// means that we are gone, also to peers that would know the difference.
		GracefulRestart: &api.GracefulRestart{
			Enabled: true, RestartTime: seconds(restartTime), DeferralTime: seconds(deferral),
		},
		AfiSafis: []*api.AfiSafi{{
			Config: &api.AfiSafiConfig{Family: &api.Family{Afi: afi, Safi: api.Family_SAFI_UNICAST}, Enabled: true},
			// Without it the capability names no family, and peers keep nothing.
			MpGracefulRestart: &api.MpGracefulRestart{Config: &api.MpGracefulRestartConfig{Enabled: true}},
		}},
	}
	if p.LocalAddress.IsValid() {
		conf.Transport.LocalAddress = p.LocalAddress.String()
	}
	if p.ASN != ownASN {
		conf.EbgpMultihop = &api.EbgpMultihop{Enabled: true, MultihopTtl: multihop}
	}
	return conf
}

func seconds(d time.Duration) uint32 { return uint32(d / time.Second) }

func (g *gobgp) setPolicy(e intent.Export) error {
	if err := g.srv.SetPolicies(g.ctx, renderExport(e)); err != nil {
		return err
	}
	if err := g.assignPolicy([]*api.Policy{{Name: exportPolicy}}); err != nil {
		return err
	}
	return g.srv.ResetPeer(g.ctx, &api.ResetPeerRequest{Soft: true, Direction: api.ResetPeerRequest_DIRECTION_OUT})
}

// assignPolicy makes policies decide what goes out; what they don't decide stays.
func (g *gobgp) assignPolicy(policies []*api.Policy) error {
	return g.srv.SetPolicyAssignment(g.ctx, &api.SetPolicyAssignmentRequest{Assignment: &api.PolicyAssignment{
		Name: "global", Direction: api.PolicyDirection_POLICY_DIRECTION_EXPORT,
		Policies: policies, DefaultAction: api.RouteAction_ROUTE_ACTION_REJECT,
	}})
}

func (g *gobgp) announce(p netip.Prefix, from intent.Source) error {
	local, err := localPath(p, from)
	if err != nil {
		return err
	}
	_, err = g.srv.AddPath(apiutil.AddPathRequest{Paths: []*apiutil.Path{local}})
	return err
}

func (g *gobgp) withdraw(p netip.Prefix) error {
	local, err := localPath(p, intent.Direct) // the source makes no difference
	if err != nil {
		return err
	}
	return g.srv.DeletePath(apiutil.DeletePathRequest{Paths: []*apiutil.Path{local}})
}

// localPath is a route of this node: origin IGP, as BIRD gives to what it
// learned from the kernel, and an unspecified next hop, which is the local
// address of the session it is told on.
//
// GoBGP takes any local path for better than what peers say. For a network on
// an interface that is right; a route that somebody else put into the kernel
// must lose, or a static default route would keep BGP's out (BIRD's
// preferences: direct 240, BGP 100, kernel 10). LOCAL_PREF goes before GoBGP's
// own rule, so such a route gets none; the export policy gives it back.
func localPath(p netip.Prefix, from intent.Source) (*apiutil.Path, error) {
	nlri, err := bgp.NewIPAddrPrefix(p)
	if err != nil {
		return nil, err
	}
	path := &apiutil.Path{Family: familyOf(p.Addr()), Nlri: nlri, Age: time.Now().Unix()}
	path.Attrs = []bgp.PathAttributeInterface{bgp.NewPathAttributeOrigin(bgp.BGP_ORIGIN_ATTR_TYPE_IGP)}
	if from == intent.Kernel {
		path.Attrs = append(path.Attrs, bgp.NewPathAttributeLocalPref(0))
	}
	var self bgp.PathAttributeInterface
	if p.Addr().Is4() {
		self, err = bgp.NewPathAttributeNextHop(netip.IPv4Unspecified())
	} else {
		self, err = bgp.NewPathAttributeMpReachNLRI(path.Family, []bgp.PathNLRI{{NLRI: nlri}}, netip.IPv6Unspecified())
	}
	path.Attrs = append(path.Attrs, self)
	return path, err
}

// counts asks GoBGP. Counting what went out evaluates the export policy for
// every route while everything else waits, so it is only done on request.
func (g *gobgp) counts(out bool) map[netip.Addr]counts {
	all := map[netip.Addr]counts{}
	_ = g.srv.ListPeer(g.ctx, &api.ListPeerRequest{EnableAdvertised: out}, func(p *api.Peer) {
		addr, err := netip.ParseAddr(p.GetState().GetNeighborAddress())
		if err != nil {
			return
		}
		var c counts
		for _, f := range p.GetAfiSafis() {
			c.in += f.GetState().GetReceived()
			c.out += f.GetState().GetAdvertised()
		}
		all[addr] = c
	})
	return all
}

func familyOf(a netip.Addr) bgp.Family {
	if a.Is4() {
		return bgp.RF_IPv4_UC
	}
	return bgp.RF_IPv6_UC
}
