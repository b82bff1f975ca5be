package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// internalGoBGP is GoBGP in our AS, next door and nowhere else (RFC 5082).
const internalGoBGP = `
[global.config]
as = 64512
router-id = "192.168.1.2"
[[neighbors]]
[neighbors.config]
neighbor-address = "192.168.1.1"
peer-as = 64512
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
[neighbors.ttl-security.config]
enabled = true
ttl-min = 255
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
`

// TestInteropInternalGoBGP: an internal peer hears LOCAL_PREF, the gateway as next
// hop and no AS; GoBGP, which drops what comes with another TTL than 255, hears us.
func TestInteropInternalGoBGP(t *testing.T) {
	for name, run := range map[string]func(*lab.Host, string, ...string) *lab.GoBGP{
		"3": (*lab.Host).GoBGP, "4": (*lab.Host).GoBGP4,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r1, r2 := twoRouters(t)
			r1.IP("route", "add", "10.1.9.0/24", "via", "192.168.1.77", "metric", "100")
			record := r1.Capture("eth0")
			far := run(r2, internalGoBGP)
			far.CLI("global", "rib", "add", "10.2.0.0/24", "local-pref", "300")

			node := r1.Calctl()
			node.Apply("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: v4}\nspec: {cidr: 10.0.0.0/8}\n")
			peer := func(more string) {
				node.Apply(fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r2}\nspec: {peerIP: 192.168.1.2, asNumber: 64512, sourceAddress: None%s}\n", more))
			}
			peer(", ttlSecurity: 1")
			node.Start("--ip", "192.168.1.1/24")
			node.Established("192.168.1.2", 20*time.Second)
			lab.Until(t, 10*time.Second, "its route", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))
			lab.Until(t, 10*time.Second, "ours", func() error {
				// 2147483647 less the metric.
				return lab.Contains(far.CLI("global", "rib", "10.1.9.0/24"), "192.168.1.77", "{LocalPref: 2147483547}", "{Origin: i}")
			})
			if other := record.Show("ip.src==192.168.1.1 && bgp && ip.ttl!=255"); other != "" {
				t.Errorf("packets with another TTL than 255: %s", other)
			}
			if path := record.Show("ip.src==192.168.1.1 && bgp.update.path_attribute.as_path_segment"); path != "" {
				t.Errorf("an AS path for an internal peer: %s", path)
			}
		})
	}
}
