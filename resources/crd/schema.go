package crd

import (
	"math"
	"reflect"
	"strings"

	"github.com/calctl/calctl/resources"
)

// A schema is a structural schema, as much of it as is needed here: OpenAPI v3 with
// Kubernetes' extensions.
type schema struct {
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	MinLength   *int64             `json:"minLength,omitempty"`
	MaxLength   *int64             `json:"maxLength,omitempty"`
	Minimum     *int64             `json:"minimum,omitempty"`
	Maximum     *int64             `json:"maximum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	MinItems    *int64             `json:"minItems,omitempty"`
	MaxItems    *int64             `json:"maxItems,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Unknown     bool               `json:"x-kubernetes-preserve-unknown-fields,omitempty"`
	ListType    string             `json:"x-kubernetes-list-type,omitempty"`
	ListMapKeys []string           `json:"x-kubernetes-list-map-keys,omitempty"`
	Rules       []rule             `json:"x-kubernetes-validations,omitempty"`
}

// A rule is an expression in CEL that holds for self, and what to say where it doesn't.
type rule struct {
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// mostEntries is the longest list without a limit of its own. So many entries hardly
// fit into the 1.5 MB that an API server stores of an object.
const mostEntries = 10_000

// schemaOf is the schema of a type. Group is the API group.
func schemaOf(t reflect.Type, l resources.Limits, group Group) *schema {
	switch t {
	case reflect.TypeFor[resources.Metadata]():
		return &schema{Type: "object"} // Kubernetes' own
	case reflect.TypeFor[resources.Duration]():
		return &schema{Type: "string", MaxLength: new(int64(32)), Rules: durationRules(l)}
	case reflect.TypeFor[resources.ASN]():
		s := &schema{Type: "integer", Format: "int64", Minimum: new(int64(0)), Maximum: new(int64(math.MaxUint32))}
		if l.Format == "as" {
			s.Minimum = new(int64(1))
		}
		return s
	case reflect.TypeFor[resources.Flag]():
		if group == Classic { // Calico has a text here
			return &schema{Type: "string", Enum: []string{"", "false", "true"}}
		}
		return &schema{Type: "boolean"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), l, group)
	case reflect.Struct:
		return objectOf(t, group)
	case reflect.Map, reflect.Interface:
		return &schema{Type: "object", Unknown: true}
	case reflect.Slice:
		return listOf(t, l, group)
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.String:
		return textOf(l)
	}
	return numberOf(t, l)
}

func objectOf(t reflect.Type, group Group) *schema {
	s := &schema{Type: "object", Unknown: true, Properties: map[string]*schema{}, Rules: rulesOf(t)}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		l := resources.LimitsOf(sf)
		p := schemaOf(sf.Type, l, group)
		switch absent := !l.Required && sf.Type.Kind() == reflect.String; {
		case absent && len(p.Enum) > 0:
			p.Enum = append(p.Enum, "") // as good as absent
		case absent && p.Pattern != "":
			p.Pattern = "^$|" + p.Pattern
		case l.Need != "" && p.Type == "string":
			p.MinLength = new(int64(1))
		}
		if l.Required {
			s.Required = append(s.Required, name)
		}
		if p.Items != nil {
			p.Items.Rules = append(p.Items.Rules, entryRules(t, name)...)
		}
		s.Properties[name] = p
	}
	return s
}

func listOf(t reflect.Type, l resources.Limits, group Group) *schema {
	s := &schema{Type: "array", Items: schemaOf(t.Elem(), l, group), MaxItems: new(int64(mostEntries))}
	if l.MaxItems > 0 {
		s.MaxItems = new(int64(l.MaxItems))
	}
	if l.MinItems > 0 {
		s.MinItems = new(int64(l.MinItems))
	}
	if l.Key != "" {
		s.ListType, s.ListMapKeys = "map", []string{l.Key}
	}
	return s
}

func textOf(l resources.Limits) *schema {
	s := &schema{Type: "string", Enum: l.OneOf, Pattern: l.Pattern, Rules: formatRules(l)}
	if l.Format == "community" {
		s.Pattern = community
	}
	most := longest[l.Format]
	for _, text := range l.OneOf {
		most = max(most, int64(len(text)))
	}
	if most > 0 {
		s.MaxLength = new(most)
	}
	return s
}

func numberOf(t reflect.Type, l resources.Limits) *schema {
	s := &schema{Type: "integer", Format: "int64"}
	switch {
	case l.High != 0:
		s.Minimum, s.Maximum = new(l.Low), new(l.High)
	case t.Kind() == reflect.Int32:
		s.Format = "int32"
	case t.Kind() == reflect.Uint8, t.Kind() == reflect.Uint16:
		s.Minimum, s.Maximum = new(int64(0)), new(int64(1)<<t.Bits()-1)
	}
	return s
}

// rootOf is the schema of a kind.
func rootOf(t reflect.Type, group Group) *schema {
	s := objectOf(t, group)
	s.Properties["kind"], s.Properties["apiVersion"] = &schema{Type: "string"}, &schema{Type: "string"}
	return s
}
