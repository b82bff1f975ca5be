package resources

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"unique"
)

// A Secret holds passwords by key, in the form of Kubernetes' Secret
// (apiVersion v1). Only the datastore writes its values; printers show ***.
type Secret struct {
	TypeMeta
	Metadata `json:"metadata"`
	// Type is kept as given; calctl attaches no meaning to it.
	Type string `json:"type,omitempty"`
	// Data are the values, base64 in files.
	Data map[string][]byte `json:"data,omitempty"`
	// StringData are values written as plain text; Default moves them into Data.
	StringData map[string]string `json:"stringData,omitempty"`
}

// Kind is KindSecret.
func (*Secret) Kind() Kind { return KindSecret }

// Value returns the value of a key.
func (s *Secret) Value(key string) (string, bool) {
	v, ok := s.Data[key]
	return string(v), ok
}

// A Password is a secret text. However it is printed, logged or encoded it
// reads ***; only Reveal gives the text. Passwords can be compared with ==. The
// zero value is no password.
type Password struct {
	// A handle and not the text, because fmt prints unexported fields of
	// other structs without asking their methods.
	text unique.Handle[string]
}

// NewPassword wraps a secret text. The empty text is no password.
func NewPassword(text string) Password {
	if text == "" {
		return Password{}
	}
	return Password{unique.Make(text)}
}

// Reveal returns the secret text. Call it where the text is used, not before.
func (p Password) Reveal() string {
	if !p.IsSet() {
		return ""
	}
	return p.text.Value()
}

// IsSet reports whether there is a password at all.
func (p Password) IsSet() bool { return p != Password{} }

const redacted = "***"

// String hides the text.
func (p Password) String() string {
	if !p.IsSet() {
		return ""
	}
	return redacted
}

// Format hides the text from every verb, %#v too.
func (p Password) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue hides the text from logs.
func (p Password) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText hides the text from JSON and YAML.
func (p Password) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// ErrNoPassword is returned for a reference to a secret or key that does not exist.
var ErrNoPassword = errors.New("no such secret")

// Password looks up a key of a secret.
func (s *Snapshot) Password(ref SecretKeySelector) (Password, error) {
	secret, ok := s.Secrets[ref.Name]
	if !ok {
		return Password{}, fmt.Errorf("%w: Secret(%s)", ErrNoPassword, ref.Name)
	}
	value, ok := secret.Value(ref.Key)
	if !ok {
		return Password{}, fmt.Errorf("%w: Secret(%s) has no key '%s'", ErrNoPassword, ref.Name, ref.Key)
	}
	return NewPassword(value), nil
}

// Default moves StringData into Data, as Kubernetes does. Where a key is in
// both, the plain text wins.
func (s *Secret) Default() {
	setHead(s)
	if len(s.StringData) > 0 && s.Data == nil {
		s.Data = map[string][]byte{}
	}
	for key, text := range s.StringData {
		s.Data[key] = []byte(text)
	}
	s.StringData = nil
}

// Redacted returns a copy to show to people: keys, but no values.
func (s *Secret) Redacted() Resource {
	c := Clone(s).(*Secret)
	c.Data, c.StringData = nil, nil
	if len(s.Data)+len(s.StringData) > 0 {
		// StringData, because base64 of three stars would read like a value.
		c.StringData = map[string]string{}
	}
	for key := range s.Data {
		c.StringData[key] = redacted
	}
	for key := range s.StringData {
		c.StringData[key] = redacted
	}
	return c
}

// Validate returns an Invalid that names every bad field, or nil. It never
// repeats a value.
func (s *Secret) Validate() error {
	var bad Invalid
	bad.metadata(s)
	for _, key := range slices.Sorted(maps.Keys(s.Data)) {
		bad.dataKey("data", key)
		if string(s.Data[key]) == redacted {
			// Somebody edits what get printed and applies it: the password would be gone.
			bad.Add(joinPath("data", key), "", "the value is the "+redacted+" that is printed in place of a secret; write the secret itself, or remove the line")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.StringData)) {
		bad.dataKey("stringData", key)
	}
	return bad.Err()
}

func (e *Invalid) dataKey(field, key string) {
	if !dataKey.MatchString(key) {
		e.Add(joinPath(field, key), "", "the keys of a Secret are letters, digits and - . _")
	}
}
