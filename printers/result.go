package printers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources"
)

// A Result is the answer to one question: the resource of a name, or all of a kind.
type Result struct {
	Kind  resources.Kind
	List  bool // all of a kind, however many there are; else Items holds the one
	Items []resources.Resource
}

// A Cluster answers what a table shows besides the resource itself.
type Cluster struct {
	// DefaultASN gives the AS number of nodes that have none of their own, or
	// "unknown". It is called only when a cell needs it; nil means 64512.
	DefaultASN func() string
}

func (c Cluster) defaultASN() string {
	if c.DefaultASN == nil {
		return "64512"
	}
	return c.DefaultASN()
}

// A Printer writes the answers of one command, with every secret redacted.
type Printer func(w io.Writer, results []Result, cluster Cluster) error

// Formats are the names ByName knows, for people: aliases are left out.
const Formats = "table, wide, yaml, json, name"

// ByName finds the Printer for the value of an -o flag; "" is the table. The
// error lists the formats there are.
func ByName(format string) (Printer, error) {
	var write Printer
	switch format {
	case "", "table", "ps":
		write = func(w io.Writer, results []Result, cluster Cluster) error {
			return tables(w, results, cluster, false)
		}
	case "wide":
		write = func(w io.Writer, results []Result, cluster Cluster) error {
			return tables(w, results, cluster, true)
		}
	case "yaml", "yml":
		write = func(w io.Writer, results []Result, _ Cluster) error { return writeYAML(w, document(results)) }
	case "json":
		write = func(w io.Writer, results []Result, _ Cluster) error { return writeJSON(w, document(results)) }
	case "name":
		write = names
	default:
		return nil, fmt.Errorf("unrecognized output format '%s'; there are %s", format, Formats)
	}
	return func(w io.Writer, results []Result, cluster Cluster) error {
		return write(w, redacted(results), cluster)
	}, nil
}

// redacted replaces what holds a secret by a copy that does not.
func redacted(results []Result) []Result {
	out := make([]Result, len(results))
	for i, r := range results {
		items := make([]resources.Resource, len(r.Items))
		for j, item := range r.Items {
			items[j] = item
			if secret, ok := item.(interface{ Redacted() resources.Resource }); ok {
				items[j] = secret.Redacted()
			}
		}
		out[i] = Result{Kind: r.Kind, List: r.List, Items: items}
	}
	return out
}

func tables(w io.Writer, results []Result, cluster Cluster, wide bool) error {
	for _, r := range results {
		if err := table(w, r, cluster, wide); err != nil {
			return err
		}
	}
	return nil
}

// names writes kind/name, as kubectl does: what other commands take as an argument.
func names(w io.Writer, results []Result, _ Cluster) error {
	var b strings.Builder
	for _, r := range results {
		for _, item := range r.Items {
			b.WriteString(strings.ToLower(string(item.Kind())) + "/" + printable(item.Meta().Name) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// document is what yaml and json show: the one result, or a sequence of several.
func document(results []Result) any {
	documents := make([]any, len(results))
	for i, r := range results {
		if r.List {
			documents[i] = listOf(r)
		} else if len(r.Items) > 0 {
			documents[i] = r.Items[0]
		}
	}
	if len(documents) == 1 {
		return documents[0]
	}
	return documents
}

// list is the form of BGPPeerList and its siblings.
type list struct {
	Kind       string               `json:"kind"`
	APIVersion string               `json:"apiVersion"`
	Metadata   listMetadata         `json:"metadata"`
	Items      []resources.Resource `json:"items"`
}

type listMetadata struct {
	ResourceVersion string `json:"resourceVersion"`
}

func listOf(r Result) list {
	items := r.Items
	if items == nil {
		items = []resources.Resource{}
	}
	return list{
		Kind:       string(r.Kind) + "List",
		APIVersion: resources.TypeOf(r.Kind).APIVersion,
		Metadata:   listMetadata{ResourceVersion: versionOf(items)},
		Items:      items,
	}
}

// versionOf identifies the state of a list: two lists have the same version
// when they hold the same resources in the same states.
func versionOf(items []resources.Resource) string {
	h := sha256.New()
	for _, item := range items {
		_, _ = fmt.Fprintf(h, "%q %q\n", item.Meta().Name, item.Meta().ResourceVersion) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func writeYAML(w io.Writer, document any) error {
	text, err := yaml.Marshal(document)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
