package plan

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
)

// BIRD is a configuration of BIRD 2 that does what the node would do.
func (p Plan) BIRD() string {
	b := &bird{Plan: p}
	b.head()
	b.passwords()
	b.filterFunctions()
	if p.Enabled() {
		for _, six := range []bool{false, true} {
			b.familyFunctions(six)
		}
	}
	b.base()
	b.static()
	for _, six := range []bool{false, true} {
		b.kernel(six)
	}
	b.peers()
	return b.text.String()
}

// bird is a configuration that is being written.
type bird struct {
	Plan
	text strings.Builder
}

// line writes a line; without arguments the format is the text.
func (b *bird) line(format string, args ...any) {
	if len(args) == 0 {
		b.text.WriteString(format + "\n")
		return
	}
	fmt.Fprintf(&b.text, format+"\n", args...)
}

// remark writes lines of comment. What resources say may hold anything, but no
// line of it gets out of the comment.
func (b *bird) remark(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		line = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, line)
		b.line("%s", strings.TrimRight("# "+line, " "))
	}
}

func (b *bird) head() {
	b.remark("BIRD 2 in place of calctl on node %s, by calctl node run --dry-run -o bird.", b.Node)
	b.remark("As calctl does, it keeps the kernel's routes when it ends. Start it with -R then:\npeers are told that forwarding went on.")
	for _, q := range b.Problems {
		b.remark("\nProblem: %s: %s", q.Subject(), q.Text)
	}
	for _, r := range b.Refused {
		b.remark("\nNot started: %s with %s: %s", r.Name, r.At, r.Why)
	}
	b.line("")
	b.line("log syslog all;")
	if b.Enabled() {
		b.line("router id %s;", b.RouterID)
	} else {
		b.remark("This node does not speak BGP: see the problems.")
		b.line("router id 0.0.0.1;")
	}
	b.line("timeformat protocol iso long;")
}

// passwords defines one for each key of a Secret that is used.
func (b *bird) passwords() {
	used := map[resources.SecretKeySelector]bool{}
	for _, q := range b.Peers {
		if at := b.secret(q); at != nil {
			used[resources.SecretKeySelector{Name: at.Name, Key: at.Key}] = true
		}
	}
	if len(used) == 0 {
		return
	}
	b.line("")
	b.remark("Passwords are not shown: put them in here, and keep this file from others' eyes.\nUntil then their sessions stay down.")
	refs := slices.SortedFunc(maps.Keys(used), func(x, y resources.SecretKeySelector) int {
		return strings.Compare(x.Name+"\n"+x.Key, y.Name+"\n"+y.Key)
	})
	for _, at := range refs {
		b.line("define %s = \"put in: key %s of Secret(%s)\";", secretSymbol(&at), at.Key, at.Name)
	}
}

func secretSymbol(at *resources.SecretKeySelector) string {
	return symbol("password", at.Name+":"+at.Key)
}

// base is where routes come from besides BGP and the kernel.
func (b *bird) base() {
	b.line("")
	b.line("protocol device { scan time 2; }")
	b.line("")
	var patterns []string
	for _, i := range b.config().IgnoredInterfaces {
		patterns = append(patterns, fmt.Sprintf("-%q", i))
	}
	patterns = append(patterns, `-"cali*"`, `-"kube-ipvs*"`, `"*"`)
	b.line("protocol direct {\n\tipv4;\n\tipv6;\n\tinterface %s;\n}", strings.Join(patterns, ", "))
}

// maxSymbol is how long names may be (SYM_MAX_LEN of BIRD).
const maxSymbol = 64

// symbol makes a name for BIRD of what it is for and the name of a resource.
// Where that is too long, it is told apart by a hash.
func symbol(what, name string) string {
	s := what + "_" + name
	if len(s) > maxSymbol-2 {
		sum := sha256.Sum256([]byte(s))
		s = fmt.Sprintf("%s_%X", s[:maxSymbol-2-17], sum[:8])
	}
	return "'" + s + "'"
}

// set is a set of prefixes and all that lies inside them.
func set(prefixes []netip.Prefix) string { return prefixSet(prefixes, "+") }

// exactly is a set of prefixes without what lies in them.
func exactly(prefixes []netip.Prefix) string { return prefixSet(prefixes, "") }

func prefixSet(prefixes []netip.Prefix, more string) string {
	var list []string
	for _, p := range prefixes {
		list = append(list, p.String()+more)
	}
	return "[ " + strings.Join(list, ", ") + " ]"
}

// of are the prefixes of one family.
func of(six bool, prefixes []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(prefixes), func(p netip.Prefix) bool { return p.Addr().Is6() != six })
}

// channel is BIRD's word for a family, and the end of names of what is for it.
func channel(six bool) string {
	if six {
		return "ipv6"
	}
	return "ipv4"
}
