package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkPolicyBatch answers 100,000 questions, as a network team's CI asks
// them: of prefixes that all differ, with attributes that many share.
func BenchmarkPolicyBatch(b *testing.B) {
	const lines = 100_000
	cluster := filepath.Join(b.TempDir(), "cluster.yaml")
	if err := os.WriteFile(cluster, []byte(policyCluster), 0o600); err != nil {
		b.Fatal(err)
	}
	var batch strings.Builder
	for i := range lines {
		fmt.Fprintf(&batch, `{"prefix":"10.%d.%d.0/24","peer":%q,"direction":%q,"source":"bgp","interface":"eth0","localPref":%d,"asPath":[65001,%d],"communities":["65000:%d"],"largeCommunities":["1:2:3"]}`+"\n",
			i>>8&255, i&255, []string{"192.168.1.9", "192.168.1.2", "kernel"}[i%3], []string{"import", "export", "export"}[i%3], 100+i%50, 65002+i%100, i%1000)
	}
	for b.Loop() {
		var errs strings.Builder
		if got := run(b.Context(), []string{"policy", "test", "--node", "r1", "-f", cluster, "--batch", "-"}, strings.NewReader(batch.String()), io.Discard, &errs); got != exitOK {
			b.Fatalf("exit status %d: %s", got, errs.String())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
}

const policyCluster = `
apiVersion: projectcalico.org/v3
kind: NodeList
items:
- metadata: {name: r1}
  spec: {bgp: {ipv4Address: 192.168.1.1/24}}
- metadata: {name: r2}
  spec: {bgp: {ipv4Address: 192.168.1.2/24}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.0.0.0/9}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {peerIP: 192.168.1.9, asNumber: 65000, filters: [tor]}
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: tor}
spec:
  importV4:
  - {action: Reject, cidr: 10.9.0.0/16, matchOperator: In}
  - {action: Accept, communities: {values: ['65000:5']}, operations: [{setPriority: {value: 512}}]}
`
