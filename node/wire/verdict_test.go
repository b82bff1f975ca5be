package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/wire/wiretest"
)

// rulesOf are those of a session of the list.
func rulesOf(s wiretest.Session) Rules {
	r := external()
	if s.Internal {
		r = internal()
	}
	r.FourOctetAS, r.ExtendedNextHop, r.EnforceFirstAS = !s.Narrow, s.ByIPv6, s.EnforceFirstAS
	if s.AddPath {
		r.AddPath = Both
	}
	switch s.Only {
	case wiretest.IPv4:
		r.Families = OnlyIPv4
	case wiretest.IPv6:
		r.Families = OnlyIPv6
	}
	return r
}

// TestVerdicts goes through the table twice with one decoder: what it
// remembers must not change what it says.
func TestVerdicts(t *testing.T) {
	for _, v := range wiretest.Verdicts {
		t.Run(v.Name+" (RFC "+v.RFC+")", func(t *testing.T) {
			d := NewDecoder(rulesOf(v.Session), new(Table))
			for range 2 {
				u, err := d.Decode(bytes.Clone(v.Body))
				if v.Code != 0 {
					if err == nil {
						t.Fatalf("no session reset but %+v %v", tell(u), u.Notes)
					}
					if err.Code != v.Code || err.Subcode != v.Subcode {
						t.Fatalf("reset by %v, want %s", err, Words(v.Code, v.Subcode))
					}
					if v.Data != nil && !bytes.Equal(err.Data, v.Data) {
						t.Fatalf("data %x, want %x", err.Data, v.Data)
					}
					continue
				}
				if err != nil {
					t.Fatalf("session reset: %v", err)
				}
				if diff := cmp.Diff(v.Want, tell(u)); diff != "" {
					t.Fatalf("(-want +got)\n%s%v", diff, u.Notes)
				}
				notes(t, u, v.Note)
			}
		})
	}
}

// notes checks that a verdict is explained, by a note that says part.
func notes(t *testing.T, u Update, part string) {
	t.Helper()
	if (u.Verdict == OK) != (len(u.Notes) == 0) {
		t.Fatalf("verdict %v with %d notes", u.Verdict, len(u.Notes))
	}
	if len(u.Notes) > maxNotes {
		t.Fatalf("%d notes", len(u.Notes))
	}
	if part == "" {
		return
	}
	for _, n := range u.Notes {
		if strings.Contains(n.Reason, part) {
			return
		}
	}
	t.Fatalf("no note says %q: %v", part, u.Notes)
}
