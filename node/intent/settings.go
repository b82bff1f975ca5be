package intent

import (
	"net/netip"
	"time"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// settings are what a BGPPeer says of a session besides who speaks with whom.
func (d *derivation) settings(p *Peer, s *resources.BGPPeerSpec, e farEnd) {
	// Between nodes both ends would have to be told: Calico heeds these towards
	// a router named by its address only.
	if e.explicit {
		if n := s.LocalASNumber; n != nil && uint32(*n) != d.localASN() {
			p.LocalASN = uint32(*n)
		}
		if n := s.NumAllowedLocalASNumbers; n != nil && *n > 0 {
			p.AllowedLocalAS = int(*n)
		}
	}
	if s.TTLSecurity != nil {
		p.TTLSecurity = *s.TTLSecurity
	}
	if t := s.KeepaliveTime; t != nil {
		p.Keepalive = t.Round(time.Second)
	}
	p.RestartTime = restartTime(s.MaxRestartTime)
	p.NextHop = nextHopMode(s, p.External(d.localASN()))
}

// restartTime is a maximum restart time in the terms of a Peer.
func restartTime(t *resources.Duration) time.Duration {
	if t == nil {
		return DefaultRestartTime
	}
	if whole := t.Round(time.Second); whole > 0 {
		return whole
	}
	return NoRestart
}

func nextHopMode(s *resources.BGPPeerSpec, external bool) NextHopMode {
	switch mode := s.NextHopMode; {
	case mode != nil && *mode == "Self":
		return NextHopSelf
	case mode != nil && *mode == "Keep",
		mode == nil && s.KeepOriginalNextHop && external: // means nothing to iBGP peers, who are told the original one
		return NextHopKeep
	}
	return NextHopAuto
}

// priorities are those of normal routes.
func priorities(s *resources.BGPConfigurationSpec) policy.Priorities {
	of := func(n *int) uint32 {
		if n == nil || *n <= 0 {
			return 0 // validated ones are greater
		}
		return uint32(*n)
	}
	return policy.Priorities{IPv4: of(s.IPv4NormalRoutePriority), IPv6: of(s.IPv6NormalRoutePriority)}
}

// listenOn are the addresses to listen on; nil for all.
func (d *derivation) listenOn() []netip.Addr {
	if mode := d.global.BindMode; mode != nil && *mode == "NodeIP" {
		return d.self.addrs()
	}
	return nil
}
