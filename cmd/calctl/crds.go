package main

import (
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources/crd"
)

// apiGroupEnv is Calico's name for the API group that custom resources are in.
const apiGroupEnv = "CALICO_API_GROUP"

func newCRDsCmd(a *app) *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use:   "crds",
		Short: "Print the CustomResourceDefinitions for a Kubernetes cluster without Calico",
		Long: `Print the CustomResourceDefinitions by which a Kubernetes API server stores
Calico's resources, for a cluster without Calico: Calico has some of its own. The
server, 1.31 or later, then refuses what 'calctl validate' refuses, but for the syntax
of selectors and for communities that nobody has defined.`,
		Example: `  calctl crds | kubectl apply --server-side -f -
  calctl crds --api-group crd.projectcalico.org/v1`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.crds(group) },
	}
	cmd.Flags().StringVar(&group, "api-group", "", "`group` and version: "+string(crd.V3)+" or "+string(crd.Classic)+" (default $"+apiGroupEnv+", else "+string(crd.V3)+")")
	completeWords(cmd, "api-group", string(crd.V3)+", "+string(crd.Classic))
	return cmd
}

func (a *app) crds(group string) error {
	g := crd.Group(a.setting(group, apiGroupEnv, string(crd.V3)))
	if g != crd.V3 && g != crd.Classic {
		return usagef("there is no API group '%s'; there are %s, %s", g, crd.V3, crd.Classic)
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
