package session

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A Config says everything about one peer that doesn't change while its session
// runs. Durations that are zero mean the defaults, which are Calico's.
type Config struct {
	Remote  netip.AddrPort // where the peer listens
	Local   netip.Addr     // where we speak from and may be spoken to; the zero Addr: the kernel chooses, any will do
	LocalAS uint32
	PeerAS  uint32     // the AS the peer has to say it is
	ID      netip.Addr // our BGP identifier, an IPv4 address

	HoldTime  time.Duration // what we propose, whole seconds, at least 3; default 240 s
	Keepalive time.Duration // how often we speak at least; default, and at most, a third of the agreed hold time
	SendHold  time.Duration // how long the peer may take nothing from us (RFC 9687); default 8 min, or twice the hold time

	Passive      bool          // wait for the peer, never dial
	ConnectRetry time.Duration // from dial to dial, shortened by up to a quarter at random; default 5 s
	IdleMin      time.Duration // the wait after a first failed session; each next one is twice as long; default 1 s
	IdleMax      time.Duration // and at most this; a session that lived longer starts anew; default 30 s

	Password Secret // TCP-MD5 (RFC 2385); empty: none
	TTL      uint8  // of what we send; default 64, the peer may be many hops away
	GTSM     uint8  // hops to the peer: send TTL 255, refuse what came further (RFC 5082); 0: off, and TTL counts

	// Network carries the session; nil: TCP.
	Network Network

	// Capabilities is asked for each OPEN: what it says of a restart changes
	// when the restart is over.
	Capabilities func() wire.Capabilities
	// Require lists families that the peer must have, or there is no session.
	Require wire.Families
	// EnforceFirstAS resets nothing; it makes routes of an external peer that
	// don't begin with its AS withdrawn ones (RFC 4271 §6.3, RFC 7606).
	EnforceFirstAS bool
	// Attributes interns what the peer says of its routes; sessions that share
	// it share memory. nil: a table of its own.
	Attributes *wire.Table
}

// A Secret is a password that no way of printing shows.
type Secret string

// Format keeps the secret whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		_, _ = f.Write([]byte("(hidden)"))
	}
}

// MarshalText keeps the secret from JSON and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }

// Limits and defaults.
const (
	defaultHold     = 240 * time.Second // Calico's template
	largestHold     = 65535 * time.Second
	smallestHold    = 3 * time.Second // RFC 4271 §4.2
	openHold        = 4 * time.Minute // until the OPEN has come (RFC 4271 §8.2.2: "a large value")
	defaultRetry    = 5 * time.Second
	defaultIdleMin  = time.Second
	defaultIdleMax  = 30 * time.Second
	defaultSendHold = 8 * time.Minute // RFC 9687 §3.2
	defaultTTL      = 64
	longestPassword = 80 // TCP_MD5SIG_MAXKEYLEN
)

// complete fills in the defaults and refuses what can't work.
func (c Config) complete() (Config, error) {
	bad := func(format string, args ...any) (Config, error) {
		return c, fmt.Errorf("peer %v: "+format, append([]any{c.Remote}, args...)...)
	}
	c.Remote = netip.AddrPortFrom(c.Remote.Addr().Unmap(), c.Remote.Port())
	c.Local = c.Local.Unmap()
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{
		{&c.HoldTime, defaultHold}, {&c.ConnectRetry, defaultRetry}, {&c.IdleMin, defaultIdleMin}, {&c.IdleMax, defaultIdleMax},
	} {
		if *d.at == 0 {
			*d.at = d.is
		}
		if *d.at < 0 {
			return bad("a negative time %v: use a positive one, or 0 for the default", *d.at)
		}
	}
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	if c.Network == nil {
		c.Network = TCP{}
	}
	if c.Attributes == nil {
		c.Attributes = new(wire.Table)
	}
	if c.Capabilities == nil {
		c.Capabilities = func() wire.Capabilities {
			return wire.Capabilities{Families: wire.SetOf(family(c.Remote.Addr())), HasFourOctetAS: true, Refresh: true}
		}
	}
	switch {
	case !c.Remote.IsValid() || c.Remote.Port() == 0 && !c.Passive:
		return c, errors.New("peer without an address and port: set both")
	case c.Local.IsValid() && c.Local.Is4() != c.Remote.Addr().Is4():
		return bad("local address %v is of another family: use one like the peer's", c.Local)
	case c.LocalAS == 0 || c.PeerAS == 0:
		return bad("AS number 0 of us or the peer (RFC 7607): set both")
	case !c.ID.Is4() || c.ID.IsUnspecified():
		return bad("router id %v: set an IPv4 address", c.ID)
	case c.HoldTime < smallestHold || c.HoldTime > largestHold || c.HoldTime%time.Second != 0:
		return bad("hold time %v: use whole seconds, %v to %v", c.HoldTime, smallestHold, largestHold)
	case c.IdleMin > c.IdleMax:
		return bad("the first wait %v is longer than the longest, %v", c.IdleMin, c.IdleMax)
	case len(c.Password) > longestPassword:
		return bad("a password of %d characters: TCP-MD5 takes at most %d", len(c.Password), longestPassword)
	}
	return c, nil
}

func family(a netip.Addr) wire.Family {
	if a.Is4() {
		return wire.IPv4
	}
	return wire.IPv6
}
