package resources

import (
	"errors"
	"fmt"
	"log/slog"
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
// reads ***; only Reveal gives the text.
type Password struct{ text string }

// NewPassword wraps a secret text.
func NewPassword(text string) Password { return Password{text} }

// Reveal returns the secret text. Call it where the text is used, not before.
func (p Password) Reveal() string { return p.text }

// IsSet reports whether there is a password at all.
func (p Password) IsSet() bool { return p.text != "" }

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

// Default fills in what Calico's clients fill in.
func (r *Secret) Default() { setHead(r) }

// Validate returns an Invalid that names every bad field, or nil.
func (r *Secret) Validate() error { return nil }
