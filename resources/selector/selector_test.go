package selector_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources/selector"
)

func TestMatches(t *testing.T) {
	rack1 := map[string]string{"rack": "r1", "role": "spine", "example.com/zone": "eu-west", "empty": ""}
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"", true},
		{"  \t ", true},
		{"all()", true},
		{"all( )", true},
		{"global()", false},
		{"!all()", false},
		{"!global()", true},

		{"has(rack)", true},
		{"has( rack )", true},
		{"has(empty)", true},
		{"has(none)", false},
		{"!has(none)", true},
		{"!!has(rack)", true},
		{"! ! !has(rack)", false},

		{"rack == 'r1'", true},
		{`rack == "r1"`, true},
		{"rack=='r1'", true},
		{"rack == 'R1'", false},
		{"none == 'r1'", false},
		{"none == ''", false},
		{"empty == ''", true},
		{"example.com/zone == 'eu-west'", true},

		{"rack != 'r2'", true},
		{"rack != 'r1'", false},
		{"none != 'r1'", true},
		{"none!='r1'", true},

		{"role contains 'pin'", true},
		{"role contains ''", true},
		{"role contains 'x'", false},
		{"none contains ''", false},
		{"role contains'pin'", true},

		{"role starts with 'sp'", true},
		{"role startswith 'sp'", true},
		{"role starts  with'sp'", true},
		{"role starts with 'ine'", false},
		{"none starts with ''", false},

		{"role ends with 'ine'", true},
		{"role endswith 'ine'", true},
		{"role ends with 'sp'", false},
		{"none ends with ''", false},

		{"rack in {'r0', \"r1\"}", true},
		{"rack in {'r1',}", true},
		{"rack in{'r0'}", false},
		{"rack in {}", false},
		{"none in {'r1'}", false},

		{"rack not in {'r0', 'r2'}", true},
		{"rack notin {'r1'}", false},
		{"rack not in {}", true},
		{"none not in {'r1'}", true},

		{"rack == 'r1' && role == 'spine'", true},
		{"rack == 'r1' && role == 'leaf'", false},
		{"rack == 'r0' || role == 'spine'", true},
		{"rack == 'r0' || role == 'leaf'", false},
		{"has(rack) || has(x) && has(y)", true},
		{"(has(rack) || has(x)) && has(y)", false},
		{"!has(x) && has(rack)", true},
		{"!(has(x) || has(rack))", false},
		{"!rack == 'r1'", false},
		{"all == 'x' || in in {'x'} || not not in {'x'}", true},
		{"rack == 'a && b'", false},
	} {
		s, err := selector.Parse(tt.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if got := s.Matches(rack1); got != tt.want {
			t.Errorf("%q matches %v: got %v, want %v", tt.text, rack1, got, tt.want)
		}
		again, err := selector.Parse(s.String())
		if err != nil || again.String() != s.String() || again.Matches(rack1) != tt.want {
			t.Errorf("%q prints as %q, which is another selector (%v)", tt.text, s, err)
		}
	}
}

func TestMatchesWithoutLabels(t *testing.T) {
	for text, want := range map[string]bool{
		"all()": true, "global()": false, "has(k)": false,
		"k == 'v'": false, "k != 'v'": true, "k contains 'v'": false, "k starts with 'v'": false, "k ends with 'v'": false,
		"k in {'v'}": false, "k not in {'v'}": true,
	} {
		s, err := selector.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Matches(nil); got != want {
			t.Errorf("%s without labels: got %v, want %v", text, got, want)
		}
	}
}

func TestString(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "all()",
		"a=='x'||b=='y'&&c=='z'":           "a == 'x' || (b == 'y' && c == 'z')",
		`a == "it's"`:                      `a == "it's"`,
		"a in {'y',\"x\",'y',}":            "a in {'x', 'y'}",
		"a notin {}":                       "a not in {}",
		"((( has( a ) )))":                 "has(a)",
		"!!!( has(a)&&all() )":             "!(has(a) && all())",
		"a startswith'x'&&!global( )":      "a starts with 'x' && !global()",
		"(a == 'x' && b == 'y') || c!='z'": "(a == 'x' && b == 'y') || c != 'z'",
	} {
		s, err := selector.Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, s.String()); diff != "" {
			t.Errorf("%q prints wrong (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a ===":                              "column 5: expected a quoted value such as 'rack1', found =",
		"a == b":                             "column 6: expected a quoted value such as 'rack1', found b",
		"a == 'b":                            "column 8: expected a closing ', found the end",
		"a = 'b'":                            "column 3: expected ==, !=, in, not in, contains, starts with or ends with, found =",
		"a":                                  "column 2: expected ==, !=, in, not in, contains, starts with or ends with, found the end",
		"a in 'b'":                           "column 6: expected { and a set of quoted values such as {'a', 'b'}, found '",
		"a in {'b' 'c'}":                     "column 11: expected , or }, found '",
		"a in {,}":                           "column 7: expected a quoted value or }, found ,",
		"a in {'b'":                          "column 10: expected , or }, found the end",
		"has()":                              "column 5: expected the name of a label, found )",
		"has(a":                              "column 6: expected ), found the end",
		"all(a)":                             "column 5: expected ), found a",
		"(has(a)":                            "column 8: expected &&, || or ), found the end",
		"has(a))":                            "column 7: expected &&, || or the end, found )",
		"has(a) has(b)":                      "column 8: expected &&, || or the end, found has",
		"has(a) &&":                          "column 10: expected a label, all(), has(...), ! or (, found the end",
		"has(a) & has(b)":                    "column 8: expected &&, || or the end, found &",
		"!":                                  "column 2: expected a label, all(), has(...), ! or (, found the end",
		"has(ä)":                             "column 5: expected the name of a label, found ä",
		"k == 'ä' §":                         "column 10: expected &&, || or the end, found §",
		"has(a) ||\nhas(b)":                  "column 10: expected a label, all(), has(...), ! or (, found a line break",
		strings.Repeat("a", 513) + " == 'x'": "column 1: expected a label name of at most 512 characters, found " + strings.Repeat("a", 40) + "...",
		strings.Repeat("(", 1e6):             "column 2050: expected at most 2048 parentheses inside one another, found (",
	} {
		_, err := selector.Parse(text)
		var syntax *selector.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%.40q): got %v, want a SyntaxError", text, err)
			continue
		}
		if err.Error() != want {
			t.Errorf("Parse(%.40q):\n got %s\nwant %s", text, err, want)
		}
	}
}

func TestHostileTextsParse(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("!", 1e6) + "all()",
		strings.Repeat("(", 2048) + "all()" + strings.Repeat(")", 2048),
		strings.Repeat("has(a) && ", 1e5) + "has(a)",
	} {
		s, err := selector.Parse(text)
		if err != nil {
			t.Errorf("Parse(%.20q...): %v", text, err)
			continue
		}
		s.Matches(map[string]string{"a": "b"})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "all()", "!global() || has(a)", "a == 'b' && (c != \"d\" || e in {'f', 'g'})", "a not in {}", "a starts with 'x'",
		"a endswith \"'\"", "((a contains ''))", "a ===", "has(ä)",
	} {
		f.Add(seed, "a", "b")
	}
	f.Fuzz(func(t *testing.T, text, key, value string) {
		s, err := selector.Parse(text)
		if err != nil {
			return
		}
		again, err := selector.Parse(s.String())
		if err != nil {
			t.Fatalf("%q prints as %q, which does not parse: %v", text, s, err)
		}
		if again.String() != s.String() {
			t.Fatalf("%q prints as %q, then as %q", text, s, again)
		}
		for _, labels := range []map[string]string{nil, {key: value}, {"a": value}, {"a": "b", "c": "d"}} {
			if s.Matches(labels) != again.Matches(labels) {
				t.Fatalf("%q and %q disagree about %v", text, s, labels)
			}
		}
	})
}
