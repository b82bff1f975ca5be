package resources

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Kubernetes' rules for names, labels and annotations, which Calico follows.
const (
	maxName        = 253
	maxLabelPart   = 63
	maxAnnotations = 256 << 10 // bytes of all keys and values
)

const subdomain = `[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`

var (
	nameRule  = regexp.MustCompile("^" + subdomain + "$")
	labelRule = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)
)

// metadata checks what all kinds have in common.
func (e *Invalid) metadata(r Resource) {
	m := r.Meta()
	if m.Name == "" {
		e.Add("metadata.name", "", "resource name may not be empty")
	} else {
		e.name("metadata.name", m.Name)
	}
	if m.Namespace != "" {
		e.Add("metadata.namespace", m.Namespace, fmt.Sprintf(
			"namespace should not be specified for a non-namespaced resource. %s is not a namespaced resource; remove the field", r.Kind()))
	}
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		path := joinPath("metadata.labels", key)
		e.labelKey(path, key)
		if value := m.Labels[key]; value != "" && (len(value) > maxLabelPart || !labelRule.MatchString(value)) {
			e.Add(path, value, "a label's value has at most 63 letters, digits and - _ . and starts and ends with a letter or digit")
		}
	}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		// Kubernetes is lenient about case here, and so are annotations in the wild.
		e.labelKey(joinPath("metadata.annotations", key), strings.ToLower(key))
		size += len(key) + len(m.Annotations[key])
	}
	if unknown := m.Annotations[UnknownFields]; unknown != "" {
		if _, ok := membersOf(json.RawMessage(unknown)); !ok || !json.Valid([]byte(unknown)) {
			e.Add(joinPath("metadata.annotations", UnknownFields), "", "what calctl keeps here of fields it does not know is no JSON object any more; put it back, or remove the line")
		}
	}
	if size > maxAnnotations {
		e.Add("metadata.annotations", "", fmt.Sprintf("annotations have %d bytes together, at most %d are allowed", size, maxAnnotations))
	}
}

// name checks the name of a resource.
func (e *Invalid) name(path, name string) {
	if reason := nameFault(name); reason != "" {
		e.Add(path, name, reason)
	}
}

// nameFault says what is wrong with a name, in calicoctl's words, or nothing.
func nameFault(name string) string {
	switch {
	case len(name) > maxName:
		return fmt.Sprintf("the name has %d characters, at most %d are allowed", len(name), maxName)
	case !nameRule.MatchString(name):
		return "name must consist of lower case alphanumeric characters, '-' or '.' (regex: " + subdomain + ")"
	}
	return ""
}

// labelKey checks a key: a name, or a domain, a slash and a name.
func (e *Invalid) labelKey(path, key string) {
	domain, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		domain, name = "", key
	}
	switch {
	case prefixed && (len(domain) > maxName || !nameRule.MatchString(domain)):
		e.Add(path, "", "what is before the / must be a domain in lower case, such as example.com")
	case len(name) > maxLabelPart || !labelRule.MatchString(name):
		e.Add(path, "", "a key has at most 63 letters, digits and - _ . and starts and ends with a letter or digit; a domain and / may come before it")
	}
}
