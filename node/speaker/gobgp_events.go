package speaker

import (
	"log/slog"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"
)

// ear wraps a callback so that a stopped engine is silent.
func (g *gobgp) ear(tell func()) {
	g.telling.Lock()
	defer g.telling.Unlock()
	if !g.closed {
		tell()
	}
}

func (g *gobgp) watch(e ears) error {
	var news []advert
	return g.srv.WatchEvent(g.ctx, server.WatchEventMessageCallbacks{
		OnBestPath: func(list []*apiutil.Path, _ time.Time) {
			news = news[:0]
			for _, p := range list {
				if a, ok := g.advert(p); ok {
					news = append(news, a)
				}
			}
			g.ear(func() { e.best(news) })
		},
		OnPathEor: func(p *apiutil.Path, _ time.Time) {
			peer := p.PeerAddress.Unmap()
			if p.Family == familyOf(peer) {
				g.ear(func() { e.endOfRIB(peer) })
			}
		},
		OnPeerUpdate: func(ev *apiutil.WatchEventMessage_PeerEvent, _ time.Time) {
			if ev.Type != apiutil.PEER_EVENT_STATE {
				return
			}
			s := ev.Peer.State
			g.ear(func() {
				e.state(s.NeighborAddress, stateOf(s.SessionState), reason(s.DisconnectReason, s.DisconnectMessage), sendsMarker(s.RemoteCap))
			})
		},
	}, server.WatchBestPath(true), server.WatchEor(false), server.WatchPeer())
}

// advert is a best path as the table takes it.
func (g *gobgp) advert(p *apiutil.Path) (advert, bool) {
	nlri, ok := p.Nlri.(*bgp.IPAddrPrefix)
	if !ok {
		return advert{}, false
	}
	a := advert{prefix: nlri.Prefix, gone: p.Withdrawal, path: path{from: p.PeerAddress, id: p.RemoteID}}
	if !a.gone && a.path.from.IsValid() {
		a.path.via = g.usable(nextHop(p.Attrs))
	}
	return a, true
}

// nextHop is a path's next hop; of two (RFC 2545, section 3), the global one.
func nextHop(attrs []bgp.PathAttributeInterface) netip.Addr {
	for _, a := range attrs {
		switch a := a.(type) {
		case *bgp.PathAttributeNextHop:
			return a.Value
		case *bgp.PathAttributeMpReachNLRI:
			return a.Nexthop
		}
	}
	return netip.Addr{}
}

// usable returns a next hop that packets can be sent to, or the zero Addr.
// GoBGP takes what it gets; a link-local one does not say on which link.
func (g *gobgp) usable(via netip.Addr) netip.Addr {
	via = via.Unmap()
	if !via.IsValid() || via.IsUnspecified() || via.IsMulticast() || via.IsLinkLocalUnicast() ||
		via.IsLoopback() || via == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.own[via] > 0 {
		return netip.Addr{}
	}
	return via
}

// heard takes what GoBGP tells in its log only.
func (g *gobgp) heard(peer netip.Addr, text string, attrs map[string]slog.Value) {
	switch text {
	case "failed to set md5":
		g.mu.Lock()
		g.unsafe[peer] = attrs["Err"].String()
		g.mu.Unlock()
	case "sent notification":
		g.book.hint(peer, "sent "+errorName(uint8(attrs["Code"].Int64()), uint8(attrs["Subcode"].Int64())))
	case "hold timer expired":
		g.book.hint(peer, "hold timer expired")
	}
}

// codes are where a GoBGP message has a NOTIFICATION's code and subcode.
var codes = regexp.MustCompile(`code (\d+)\(.*\) subcode (\d+)\(`)

// reason says why a session ended, "" when it did not.
func reason(why api.PeerState_DisconnectReason, message string) string {
	name := ""
	if m := codes.FindStringSubmatch(message); m != nil {
		code, _ := strconv.ParseUint(m[1], 10, 8)
		sub, _ := strconv.ParseUint(m[2], 10, 8)
		name = errorName(uint8(code), uint8(sub))
	}
	switch why {
	case api.PeerState_DISCONNECT_REASON_NOTIFICATION_RECEIVED, api.PeerState_DISCONNECT_REASON_HARD_RESET:
		return "received " + name
	case api.PeerState_DISCONNECT_REASON_NOTIFICATION_SENT:
		return "sent " + name
	case api.PeerState_DISCONNECT_REASON_HOLD_TIMER_EXPIRED:
		return "hold timer expired"
	case api.PeerState_DISCONNECT_REASON_READ_FAILED, api.PeerState_DISCONNECT_REASON_GRACEFUL_RESTART:
		return errClosed.Error()
	case api.PeerState_DISCONNECT_REASON_WRITE_FAILED:
		return "connection lost"
	case api.PeerState_DISCONNECT_REASON_INVALID_MSG:
		return "the peer sent a message that is malformed or out of place"
	case api.PeerState_DISCONNECT_REASON_BAD_PEER_AS:
		return "the peer has another AS number"
	case api.PeerState_DISCONNECT_REASON_ADMIN_DOWN:
		return "shut down here"
	}
	return ""
}

// sendsMarker reports whether a peer sends End-of-RIB: all do that know of
// graceful restart (RFC 4724, section 3).
func sendsMarker(capabilities []bgp.ParameterCapabilityInterface) bool {
	for _, c := range capabilities {
		if c.Code() == bgp.BGP_CAP_GRACEFUL_RESTART {
			return true
		}
	}
	return false
}

func stateOf(s bgp.FSMState) bgpState {
	switch s {
	case bgp.BGP_FSM_CONNECT:
		return connect
	case bgp.BGP_FSM_ACTIVE:
		return active
	case bgp.BGP_FSM_OPENSENT:
		return openSent
	case bgp.BGP_FSM_OPENCONFIRM:
		return openConfirm
	case bgp.BGP_FSM_ESTABLISHED:
		return established
	}
	return idle
}
