package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/calctl/calctl/node/lab"
)

const resourcesInEtcd = "/calico/resources/v3/projectcalico.org/"

// writtenByCalico is what a Calico newer than calctl may have stored.
var writtenByCalico = map[string]string{
	"bgpconfigurations/default": `{"kind":"BGPConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"logSeverityScreen":"Info","nodeToNodeMeshEnabled":true,"asNumber":4200000000,"serviceLoadBalancerAggregation":"Enabled","colours":["red",{"deep":1e3}]}}`,
	"ippools/pods":              `{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"pods"},"spec":{"cidr":"10.1.0.0/16","vxlanMode":"Never","ipipMode":"Never","natOutgoing":true,"blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"},"status":{"seen":true}}`,
	"bgpfilters/f":              `{"kind":"BGPFilter","apiVersion":"projectcalico.org/v3","metadata":{"name":"f"},"spec":{"exportV4":[{"cidr":"10.0.0.0/8","matchOperator":"In","action":"Accept","moon":"full"},{"action":"Reject"}]}}`,
	"nodes/r1":                  `{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"r1","labels":{"rack":"1"},"annotations":{"note":"two\nlines \u003c\u0026\u003e"}},"spec":{"bgp":{"ipv4Address":"10.0.0.1/24","routeReflectorClusterID":"244.0.0.1"},"orchRefs":[{"nodeName":"r1","orchestrator":"k8s"}]},"status":{"wireguardPublicKey":"jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY="}}`,
	"bgppeers/rack1":            `{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"rack1"},"spec":{"peerIP":"192.0.2.1","asNumber":64513,"password":{"secretKeyRef":{"name":"routers","key":"rack1"}},"filters":["f"]}}`,
}

func openEtcd(t *testing.T, e *lab.Etcd) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.Socket}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var givenByDatastore = regexp.MustCompile(`,"uid":"[^"]*","creationTimestamp":"[^"]*"`)

// valuesIn are those of an etcd, without what each datastore gives by itself.
func valuesIn(t *testing.T, c *clientv3.Client) map[string]string {
	t.Helper()
	got, err := c.Get(t.Context(), resourcesInEtcd, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, kv := range got.Kvs {
		if name := strings.TrimPrefix(string(kv.Key), resourcesInEtcd); name != "clusterinformations/default" {
			values[name] = givenByDatastore.ReplaceAllString(string(kv.Value), "")
		}
	}
	return values
}

// ran runs a command that has to end with this status, and returns what it printed.
func ran(t *testing.T, status int, args []string) (out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); got != status {
		t.Fatalf("calctl %s: exit status %d\n%s%s", strings.Join(args, " "), got, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

// calctl runs a command that has to work, and returns what it printed.
func calctl(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := ran(t, exitOK, args)
	return out
}

// From etcd into a folder, and from there into another etcd, nothing is lost.
func TestMigrateEtcdAndFolder(t *testing.T) {
	host := lab.Local(t)
	one := host.Etcd("http://127.0.0.1:" + lab.FreePort(t))
	other := lab.Local(t).Etcd("http://127.0.0.1:" + lab.FreePort(t))
	first, second := openEtcd(t, one), openEtcd(t, other)
	for name, value := range writtenByCalico {
		if _, err := first.Put(t.Context(), resourcesInEtcd+name, value); err != nil {
			t.Fatal(err)
		}
	}
	// of Calico's IPAM, of which calctl has nothing
	if _, err := first.Put(t.Context(), "/calico/ipam/v2/host/r1/ipv4/block/10.1.0.0-26", `{"state":"confirmed"}`); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	folder, file := filepath.Join(temp, "store"), filepath.Join(temp, "datastore.yaml")
	export := func(args ...string) {
		t.Helper()
		calctl(t, append([]string{"datastore", "migrate", "lock"}, args...)...)
		if err := os.WriteFile(file, []byte(calctl(t, append([]string{"datastore", "migrate", "export"}, args...)...)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	migrate := func(args ...string) {
		t.Helper()
		args = append([]string{"datastore", "migrate", "import", "-f", file}, args...)
		want := strings.ReplaceAll(calctl(t, append(args, "--dry-run")...), "Would import 5 ", "Imported 5 ")
		want = want[strings.Index(want, "KIND"):]
		if got := calctl(t, args...); got[:strings.Index(got, "resource(s)")] != want[:strings.Index(want, "resource(s)")] {
			t.Errorf("the dry run and the import:\n%s\n%s", want, got)
		}
		if got, want := calctl(t, args...), "All 5 resource(s) are there already. Nothing was changed.\n"; got != want {
			t.Errorf("once more: %s", got)
		}
	}

	t.Setenv("ETCD_ENDPOINTS", one.Endpoint)
	export()
	migrate("--datastore", folder)
	export("--datastore", folder)
	t.Setenv("ETCD_ENDPOINTS", other.Endpoint)
	migrate()
	if diff := cmp.Diff(writtenByCalico, valuesIn(t, second)); diff != "" {
		t.Errorf("what came through a folder (-want +got):\n%s", diff)
	}
	if got, err := second.Get(t.Context(), "/calico/ipam", clientv3.WithPrefix()); err != nil || len(got.Kvs) > 0 {
		t.Errorf("%v of IPAM was made, %v", got, err)
	}
	// It ends as something nodes follow, and whoever is not followed is not written to.
	if _, errs := ran(t, exitFailed, []string{"delete", "bgppeer", "rack1"}); !strings.Contains(errs, "locked for migration") {
		t.Errorf("delete in the locked datastore: %s", errs)
	}
	calctl(t, "datastore", "migrate", "unlock")
	calctl(t, "delete", "bgppeer", "rack1")
}
