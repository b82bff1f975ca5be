package crd

import (
	"reflect"
	"strings"

	"github.com/calctl/calctl/resources"
)

// A Group is an API group, and its version, under which Calico's resources are stored.
type Group string

// The groups. Calico's components go by Classic wherever it is served.
const (
	// V3 holds resources as their files have them.
	V3 Group = resources.APIVersion
	// Classic is what Calico has used for long. Labels and annotations are inside of an
	// annotation.
	Classic Group = "crd.projectcalico.org/v1"
)

// ManagedBy is the label of the definitions that calctl has installed, and Manager its
// value.
const (
	ManagedBy = "app.kubernetes.io/managed-by"
	Manager   = "calctl"
)

// A Definition is a CustomResourceDefinition of apiextensions.k8s.io/v1, as much of it
// as is needed here.
type Definition struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Metadata   metadata   `json:"metadata"`
	Spec       definition `json:"spec"`
}

type metadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

type definition struct {
	Group    string    `json:"group"`
	Names    names     `json:"names"`
	Scope    string    `json:"scope"`
	Versions []version `json:"versions"`
}

type names struct {
	Kind     resources.Kind `json:"kind"`
	ListKind string         `json:"listKind"`
	Plural   string         `json:"plural"`
	Singular string         `json:"singular"`
}

type version struct {
	Name    string `json:"name"`
	Served  bool   `json:"served"`
	Storage bool   `json:"storage"`
	Schema  struct {
		OpenAPI *schema `json:"openAPIV3Schema"`
	} `json:"schema"`
}

// Definitions are those of all kinds that are custom resources, in the order of
// [resources.Types]: Nodes and Secrets are Kubernetes' own.
func Definitions(group Group) []Definition {
	var all []Definition
	for _, t := range resources.Types() {
		if t.Kind != resources.KindNode && t.Kind != resources.KindSecret {
			all = append(all, definitionOf(t, group))
		}
	}
	return all
}

func definitionOf(t resources.Type, group Group) Definition {
	name, served, _ := strings.Cut(string(group), "/")
	v := version{Name: served, Served: true, Storage: true}
	v.Schema.OpenAPI = rootOf(reflect.TypeOf(t.New()).Elem(), group)
	return Definition{
		APIVersion: "apiextensions.k8s.io/v1",
		Kind:       "CustomResourceDefinition",
		Metadata:   metadata{Name: t.Plural + "." + name, Labels: map[string]string{ManagedBy: Manager}},
		Spec: definition{
			Group: name,
			Names: names{Kind: t.Kind, ListKind: string(t.Kind) + "List", Plural: t.Plural, Singular: strings.ToLower(string(t.Kind))},
			Scope: "Cluster", Versions: []version{v},
		},
	}
}
