//go:build kube

package kube_test

import (
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store/kube"
)

// Every way to say where the API server is, and who we are, leads there.
func TestKubeConfigs(t *testing.T) {
	k := startAPI(t)
	k.Apply("/api/v1/nodes/n1", "{apiVersion: v1, kind: Node, metadata: {name: n1}}")
	k.Grant(lab.KubeUser, lab.Local(t).KubeRoles("calctl-node")...)
	conf := k.Kubeconfig(lab.KubeUser)
	inline, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	k.CA.Make(lab.KubeUser, x509.ExtKeyUsageClientAuth)
	file, home := k.CA.File, t.TempDir()
	if err := os.MkdirAll(home+"/.kube", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/.kube/config", inline, 0o600); err != nil {
		t.Fatal(err)
	}
	node := resources.Key{Kind: resources.KindNode, Name: "n1"}
	token := lab.KubeToken(lab.KubeUser)
	lab.Until(t, limit, "the role", func() error { return second(open(t, kube.Config{Kubeconfig: conf}).Get(within(t), node)) })
	for name, test := range map[string]struct {
		config kube.Config
		fault  string
	}{
		"kubeconfig":                {kube.Config{Kubeconfig: conf}, ""},
		"the second of kubeconfigs": {kube.Config{Kubeconfig: home + "/none:" + conf}, ""},
		"inline":                    {kube.Config{KubeconfigInline: string(inline)}, ""},
		"home":                      {kube.Config{Home: home}, ""},
		"context":                   {kube.Config{Kubeconfig: conf, Context: lab.KubeUser}, ""},
		"token":                     {kube.Config{Endpoint: k.URL, CAFile: file("ca"), Token: token}, ""},
		"a token instead of that of the kubeconfig": {kube.Config{Kubeconfig: conf, Token: "geheim"}, "connection is unauthorized: Unauthorized"},
		"certificate":             {kube.Config{Endpoint: k.URL, CAFile: file("ca"), CertFile: file(lab.KubeUser), KeyFile: file(lab.KubeUser + "-key")}, ""},
		"any server":              {kube.Config{Endpoint: k.URL, Insecure: true, Token: token}, ""},
		"a server nobody vouches": {kube.Config{Endpoint: k.URL, Token: token}, "certificate signed by unknown authority"},
		"nobody":                  {kube.Config{Endpoint: k.URL, CAFile: file("ca")}, "connection is unauthorized: Unauthorized"},
		"somebody else":           {kube.Config{Endpoint: k.URL, CAFile: file("ca"), Token: lab.KubeToken(lab.KubeOther)}, `User "other" cannot get resource "nodes"`},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			_, err := open(t, test.config).Get(within(t), node)
			if test.fault == "" && err != nil {
				t.Error(err)
			}
			if test.fault != "" {
				wantError(t, name, err, test.fault)
			}
			if err != nil && (strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), token)) {
				t.Errorf("a token is told: %v", err)
			}
		})
	}

	// As many requests as allowed, and no more.
	s := open(t, kube.Config{Kubeconfig: conf, QPS: 20, Burst: 1})
	begin := time.Now()
	for range 11 {
		if _, err := s.Get(within(t), node); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 490*time.Millisecond {
		t.Errorf("11 requests at 20 a second took %v", took)
	}
}
