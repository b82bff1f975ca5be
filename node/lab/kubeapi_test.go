//go:build kube

package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

const (
	mayRead = `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]}`
	bound   = `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: reader},
	  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: calctl}]}`
	roles = "/apis/rbac.authorization.k8s.io/v1/"
	node  = "/api/v1/nodes/n1"
)

// Users may do what roles say, and what is stored outlives the server.
func TestKubeAPI(t *testing.T) {
	k := lab.Local(t).KubeAPI("127.0.0.1:" + lab.FreePort(t))
	k.Apply(node, `{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {rack: a}}}`)
	if _, err := k.Do(lab.KubeUser, http.MethodGet, node, ""); err == nil || !strings.Contains(err.Error(), `User \"calctl\" cannot get resource \"nodes\"`) {
		t.Errorf("without a role: %v", err)
	}
	k.Apply(roles+"clusterroles/reader", mayRead)
	k.Apply(roles+"clusterrolebindings/reader", bound)
	k.Restart()
	lab.Until(t, 20*time.Second, "the role", func() error {
		got, err := k.Do(lab.KubeUser, http.MethodGet, node, "")
		if err != nil {
			return err
		}
		return lab.Contains(got, `"rack":"a"`)
	})
	if _, err := k.Do(lab.KubeOther, http.MethodGet, node, ""); err == nil {
		t.Error("a role is not everybody's")
	}
	k.Delete(node)
	if _, err := k.Do(lab.KubeUser, http.MethodGet, node, ""); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("deleted: %v", err)
	}
}

// Hosts reach the server of another one, by its address.
func TestKubeAPIFromAnotherHost(t *testing.T) {
	l := lab.New(t)
	keeper, other := l.Host("keeper"), l.Host("other")
	l.Link(keeper, "eth0", []string{"10.9.0.1/24"}, other, "eth0", []string{"10.9.0.2/24"})
	k := keeper.KubeAPI("10.9.0.1:6443")
	conn, err := other.Dial(netip.Addr{}, netip.MustParseAddrPort("10.9.0.1:6443"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(k.CA.Text("ca")))
	if err := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "10.9.0.1"}).Handshake(); err != nil {
		t.Error(err)
	}
}
