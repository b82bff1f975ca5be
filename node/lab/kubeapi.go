package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The users of a KubeAPI. Each has a token; only Admin may do anything before a
// role is bound to him, by User and this name.
const (
	KubeAdmin = "admin" // in system:masters
	KubeUser  = "calctl"
	KubeOther = "other"
)

// A KubeAPI is a running kube-apiserver, on an etcd of its own. What it holds
// stays when either of them is killed. It has no nodes but those a test makes:
// no other part of Kubernetes runs.
type KubeAPI struct {
	*Process
	Etcd *Etcd
	URL  string // https://10.0.0.1:6443
	// CA signed the server's certificate. It may sign those of clients, whose
	// names are those of users.
	CA *Authority
	// Warned, if set, hears what the server warns of when it answers Do.
	Warned func(text string)
	args   []string
	client *http.Client
}

// KubeAPI starts the API server that .ci/kube names, at an address of the host
// and a port, such as 10.0.0.1:6443. More flags may follow. Starting takes some
// four seconds and 400 MB of memory: what can share one should.
func (h *Host) KubeAPI(at string, flags ...string) *KubeAPI {
	h.T.Helper()
	server, err := netip.ParseAddrPort(at)
	if err != nil {
		h.T.Fatal(err)
	}
	program := h.made("kube-apiserver", "bin/deps/kube-apiserver")
	tokens := KubeToken(KubeAdmin) + "," + KubeAdmin + "," + KubeAdmin + ",system:masters\n"
	for _, user := range []string{KubeUser, KubeOther} {
		tokens += KubeToken(user) + "," + user + "," + user + "\n"
	}
	ca := NewAuthority(h.T)
	ca.Make("server", x509.ExtKeyUsageServerAuth, server.Addr().AsSlice())
	key := ca.File("server-key")
	// Etcd first, so that it is the last to be killed when the test ends.
	k := &KubeAPI{Etcd: h.Etcd("http://127.0.0.1:" + FreePort(h.T)), URL: "https://" + at, CA: ca}
	k.args = append([]string{
		program, "--etcd-servers", k.Etcd.Endpoint,
		"--bind-address", server.Addr().String(), "--advertise-address", server.Addr().String(), "--secure-port", strconv.Itoa(int(server.Port())),
		"--cert-dir", h.Dir(), "--tls-cert-file", ca.File("server"), "--tls-private-key-file", key,
		"--client-ca-file", ca.File("ca"), "--token-auth-file", h.File(h.Name+".kube/tokens.csv", tokens), "--anonymous-auth=false", "--authorization-mode", "RBAC",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key, "--service-account-signing-key-file", key,
		"--service-cluster-ip-range", "10.96.0.0/16", "--endpoint-reconciler-type", "none", "--disable-admission-plugins", "ServiceAccount",
	}, flags...)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca.Text("ca")))
	k.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, // the server comes and goes
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return h.Dial(netip.Addr{}, server)
		},
	}}
	k.start(h)
	return k
}

func (k *KubeAPI) start(h *Host) {
	h.T.Helper()
	k.Process = h.Start(k.args[0], k.args[1:]...)
	k.answers("the API server", func() error {
		_, err := k.Do(KubeAdmin, http.MethodGet, "/readyz", "")
		return err
	})
}

// Restart kills the API server, unless that was done before, and starts it on
// what it had.
func (k *KubeAPI) Restart() {
	k.host.T.Helper()
	k.Kill()
	k.start(k.host)
}

// KubeToken is the token of a user of every KubeAPI.
func KubeToken(user string) string { return "token-of-" + user }

// Kubeconfig writes a file by which a user finds the API server, and returns its
// path.
func (k *KubeAPI) Kubeconfig(user string) string {
	k.host.T.Helper()
	if !slices.Contains([]string{KubeAdmin, KubeUser, KubeOther}, user) {
		k.host.T.Fatalf("the API server knows no user %q", user)
	}
	return k.host.File(k.host.Name+".kube/"+user+".conf", fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: %[3]s, user: {token: %[4]s}}]
contexts: [{name: %[3]s, context: {cluster: lab, user: %[3]s}}]
current-context: %[3]s
`, k.URL, k.CA.File("ca"), user, KubeToken(user)))
}

// Do sends a request with a YAML or JSON body as a user, and returns the body of
// the answer, which is an error unless the status is 200 or 201. PATCH is
// server-side apply.
func (k *KubeAPI) Do(user, method, path, body string) (string, error) {
	req, err := http.NewRequest(method, k.URL+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+KubeToken(user))
	req.Header.Set("Content-Type", "application/yaml")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/apply-patch+yaml")
		req.URL.RawQuery = "fieldManager=lab&force=true"
	}
	answer, err := k.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if k.Warned != nil {
		for _, text := range answer.Header["Warning"] {
			k.Warned(text)
		}
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
		err = errors.New(answer.Status)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s as %s: %w: %s", method, path, user, err, text)
	}
	return string(text), nil
}

// Apply makes an object what a YAML text says, as the admin. The path is the
// object's own: /api/v1/nodes/n1.
func (k *KubeAPI) Apply(path, object string) {
	k.host.T.Helper()
	if _, err := k.Do(KubeAdmin, http.MethodPatch, path, object); err != nil {
		k.host.T.Fatal(err)
	}
}

// Delete removes an object, as the admin.
func (k *KubeAPI) Delete(path string) {
	k.host.T.Helper()
	if _, err := k.Do(KubeAdmin, http.MethodDelete, path, ""); err != nil {
		k.host.T.Fatal(err)
	}
}

// Forget kills the API server and its etcd and removes all they know. Restart makes
// an empty cluster of the same address.
func (k *KubeAPI) Forget() {
	k.host.T.Helper()
	k.Kill()
	k.Etcd.Forget()
	k.Etcd.Restart()
}
