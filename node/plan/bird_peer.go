package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/status"
)

// peers writes the sessions, sorted by the names calico-node gives them.
func (b *bird) peers() {
	byName := map[string]netip.AddrPort{}
	for at, q := range b.Peers {
		byName[protocolName(at, q)] = at
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		b.peer(name, byName[name])
	}
}

var protocolPrefixes = map[status.PeerType]string{status.NodeMesh: "Mesh_", status.Global: "Global_", status.NodePeer: "Node_"}

// protocolName is what calico-node calls a session.
func protocolName(at netip.AddrPort, q intent.Peer) string {
	name := protocolPrefixes[q.Type] + strings.NewReplacer(".", "_", ":", "_").Replace(at.Addr().String())
	if at.Port() != intent.DefaultPort && q.Type != status.NodeMesh {
		name += fmt.Sprintf("_port_%d", at.Port())
	}
	return name
}

// holdTime is what Calico leaves as it is in BIRD, in seconds.
const holdTime = 240

func (b *bird) peer(name string, at netip.AddrPort) {
	q := b.Peers[at]
	plain := b.Plan.peer(at)
	b.line("")
	b.remark("%s: %s", q.Type, q.Name)
	b.line("protocol bgp %s {", name)
	for _, setting := range b.session(at, q, plain) {
		b.line("\t%s;", setting)
	}
	b.channel(at.Addr().Is6(), q, plain)
	b.line("}")
}

// session are the settings of a session, whatever routes it carries.
func (b *bird) session(at netip.AddrPort, q intent.Peer, plain Peer) []string {
	local := "local"
	if q.LocalAddress.IsValid() {
		local += " " + q.LocalAddress.String()
	}
	s := []string{
		fmt.Sprintf("%s port %d as %d", local, b.Port, plain.LocalASNumber),
		fmt.Sprintf("neighbor %s port %d as %d", at.Addr(), at.Port(), q.ASN),
	}
	add := func(on bool, format string, args ...any) {
		if on {
			s = append(s, fmt.Sprintf(format, args...))
		}
	}
	add(q.TTLSecurity == 0, "multihop")
	add(q.TTLSecurity != 0, "multihop %d", q.TTLSecurity)
	add(q.TTLSecurity != 0, "ttl security on")
	add(len(b.Listen) > 0 && q.LocalAddress.IsValid(), "strict bind on")
	add(q.Passive, "passive on")
	if ref := b.secret(q); ref != nil {
		add(true, "password %s", secretSymbol(ref))
	}
	add(q.AllowedLocalAS > 0, "allow local as %d", q.AllowedLocalAS)
	add(q.Cluster.IsValid(), "rr client")
	add(q.Cluster.IsValid(), "rr cluster id %s", q.Cluster)
	add(plain.External && looksAtPath(q), "rs client")
	add(true, "connect delay time 2")
	add(true, "connect retry time 5")
	add(true, "error wait time 5, 30")
	add(true, "graceful restart on")
	add(true, "graceful restart time %d", plain.RestartTime)
	add(plain.KeepaliveTime > 0, "keepalive time %d", min(plain.KeepaliveTime, holdTime))
	return s
}

// looksAtPath reports whether what is told depends on the path with our AS in it.
func looksAtPath(q intent.Peer) bool {
	for _, f := range q.Export.Filters() {
		for i := range f.Rules {
			if len(f.Rules[i].ASPathPrefix) > 0 || slices.ContainsFunc(f.Rules[i].Operations, prepends) {
				return true
			}
		}
	}
	return false
}

// channel are the rules for the routes of a session.
func (b *bird) channel(six bool, q intent.Peer, plain Peer) {
	internal := !plain.External
	b.line("\t%s {", channel(six))
	b.line("\t\timport filter {")
	for _, f := range q.Import.Filters() {
		b.line("\t\t\t%s(%t);", filterSymbol(f), internal)
	}
	b.line("\t\t\tpreferred_%s();", channel(six))
	b.line("\t\t\taccept;")
	b.line("\t\t};")
	b.line("\t\texport filter {")
	if plain.External && looksAtPath(q) {
		b.line("\t\t\tbgp_path.prepend(%d);", plain.LocalASNumber)
	}
	if plain.External {
		b.line("\t\t\tif source = RTS_BGP && defined(bgp_med) then bgp_med = 0;")
	}
	if plain.External && q.NextHop == intent.NextHopKeep {
		b.line("\t\t\tif source = RTS_INHERIT && dest = RTD_UNICAST && gw != :: then bgp_next_hop = gw;")
	}
	b.line("\t\t\tpriority_%s();", channel(six))
	for _, f := range q.Export.Filters() {
		b.line("\t\t\t%s(%t);", filterSymbol(f), internal)
	}
	b.line("\t\t\trest_%s(%t);", channel(six), internal)
	b.line("\t\t};")
	b.line("\t\tgateway recursive;")
	b.line("\t\tadd paths on;")
	switch {
	case q.NextHop == intent.NextHopKeep:
		b.line("\t\tnext hop keep;")
	case q.NextHop == intent.NextHopSelf, plain.External && looksAtPath(q): // else rs clients are told the next hops of others
		b.line("\t\tnext hop self;")
	}
	if q.MaximumPrefixes > 0 {
		b.line("\t\timport keep filtered on;")
		b.line("\t\treceive limit %d action restart;", q.MaximumPrefixes)
	}
	b.line("\t};")
}
