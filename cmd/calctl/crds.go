package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources/crd"
)

func newCRDsCmd(a *app) *cobra.Command {
	var group string
	var install bool
	cmd := &cobra.Command{
		Use:   "crds",
		Short: "Print or install the CustomResourceDefinitions for a Kubernetes cluster without Calico",
		Long: `Print the CustomResourceDefinitions by which a Kubernetes API server stores
Calico's resources, for a cluster without Calico: Calico has some of its own. The
server, 1.31 or later, then refuses what 'calctl validate' refuses, but for the syntax
of selectors and for communities that nobody has defined.

With --install they are applied to the cluster that the configuration or the
environment names. Those of Calico are left alone, and nothing is then installed.`,
		Example: `  calctl crds | kubectl apply --server-side -f -
  KUBECONFIG=admin.conf calctl crds --install
  calctl crds --api-group crd.projectcalico.org/v1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.crds(cmd.Context(), group, install) },
	}
	cmd.Flags().BoolVar(&install, "install", false, "apply them to the cluster instead of printing them")
	cmd.Flags().StringVar(&group, "api-group", "", "`group` and version: "+string(crd.V3)+" or "+string(crd.Classic)+" (default $CALICO_API_GROUP, else "+string(crd.V3)+")")
	completeWords(cmd, "api-group", string(crd.V3)+", "+string(crd.Classic))
	return cmd
}

func (a *app) crds(ctx context.Context, group string, install bool) error {
	c, err := a.calicoConfig()
	if err != nil {
		return err
	}
	g := crd.Group(cmp.Or(group, c.CalicoAPIGroup, string(crd.V3)))
	if g != crd.V3 && g != crd.Classic {
		return usagef("there is no API group '%s'; there are %s, %s", g, crd.V3, crd.Classic)
	}
	if install {
		return a.installCRDs(ctx, c, g)
	}
	for _, d := range crd.Definitions(g) {
		text, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		if _, err = a.out.Write(append([]byte("---\n"), text...)); err != nil {
			return err
		}
	}
	return nil
}

// installCRDs tells what has been done, also when the rest could not be.
func (a *app) installCRDs(ctx context.Context, c calicoConfig, group crd.Group) error {
	s, err := a.openKube(c)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	done, err := s.Install(ctx, group)
	for _, d := range done {
		if _, err := fmt.Fprintf(a.out, "CustomResourceDefinition(%s) %s\n", d.Name, d.Did); err != nil {
			return err
		}
	}
	return err
}
