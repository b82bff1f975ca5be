package resources

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/calctl/calctl/resources/selector"
)

// The checks below are shared by the kinds' Validate methods. Each notes at
// most one fault about one value and says how to mend it; an empty value is
// left to whoever requires it. Where calicoctl has words for the fault they
// come first, because scripts look for them.

// tagged are calicoctl's words for a value its validator refuses.
func tagged(field, tag, mend string) string {
	return "failed to validate Field: " + field + " because of Tag: " + tag + "; " + mend
}

// oneOf checks a value that has a fixed set of spellings.
func (e *Invalid) oneOf(path, value string, allowed ...string) {
	reason := "supported values: "
	hint := ""
	for i, a := range allowed {
		if value == a {
			return
		}
		if i > 0 {
			reason += ", "
		}
		reason += strconv.Quote(a)
		if strings.EqualFold(value, a) {
			hint = "; did you mean " + strconv.Quote(a) + "?"
		}
	}
	e.Add(path, value, reason+hint)
}

// maxSelector is the longest selector, as of Calico v3.32; later ones have less room.
const maxSelector = 4096

// selector checks a label selector. Field is its name in calicoctl's words.
func (e *Invalid) selector(path, field, text string) {
	if len(text) > maxSelector {
		e.Add(path, "", tagged(field, "selector", fmt.Sprintf("it has %d characters, at most %d are allowed", len(text), maxSelector)))
		return
	}
	if _, err := selector.Parse(text); err != nil {
		e.Add(path, text, tagged(field, "selector", err.Error()))
	}
}

// prefix checks an address/length without bits beyond its length.
func (e *Invalid) prefix(path, text string) {
	if _, mend := parsePrefix(text); mend != "" {
		e.Add(path, text, mend)
	}
}

// parsePrefix reads a strictly masked prefix, or says how to mend it.
func parsePrefix(text string) (p netip.Prefix, mend string) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			return p, fmt.Sprintf("the length is missing; write %s/%d for the one address", text, addr.BitLen())
		}
		return p, "write an address and a length, such as 10.0.0.0/24 or fd00::/64"
	}
	if p != p.Masked() {
		return p, "the address has bits set beyond its length; write " + p.Masked().String()
	}
	return p, ""
}

func familyName(bits int) string {
	if bits == 32 {
		return "IPv4"
	}
	return "IPv6"
}

// address checks a single address of the family bits (32 or 128; 0 for either).
func (e *Invalid) address(path, text string, bits int) {
	if text == "" {
		return
	}
	if addr, err := netip.ParseAddr(text); err != nil || addr.Zone() != "" || bits != 0 && addr.BitLen() != bits {
		e.Add(path, text, "write "+exampleAddress(bits)+", without a length")
	}
}

// hostAddress checks the address of a machine, with or without a length.
func (e *Invalid) hostAddress(path, text string, bits int) {
	if text == "" {
		return
	}
	p, err := parseHost(text)
	switch {
	case err != nil || bits != 0 && p.Addr().BitLen() != bits:
		e.Add(path, text, "write "+exampleAddress(bits)+", with or without a length")
	case !isHost(p.Addr()):
		e.Add(path, text, "no machine can have this address")
	}
}

func exampleAddress(bits int) string {
	switch bits {
	case 32:
		return "an IPv4 address such as 192.0.2.1"
	case 128:
		return "an IPv6 address such as fd00::1"
	}
	return "an address such as 192.0.2.1 or fd00::1"
}

// parseHost reads an address with an optional length; without one it stands
// for itself alone.
func parseHost(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%s has a zone", text)
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// isHost tells whether one machine can have the address.
func isHost(a netip.Addr) bool { return !a.IsUnspecified() && !a.IsMulticast() }

var (
	interfacePattern = regexp.MustCompile(`^[a-zA-Z0-9_.*-]{1,15}$`)
	dataKey          = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)
)

// interfaceName checks the name of a network interface, which may hold *.
func (e *Invalid) interfaceName(path, text string) {
	if !interfacePattern.MatchString(text) {
		e.Add(path, text, "write 1 to 15 letters, digits and _ . - with * for any number of characters")
	}
}

// The bounds of a route's priority, which is a kernel metric.
const minPriority, maxPriority = 1, 2147483646

func (e *Invalid) priority(path string, value int) {
	if value < minPriority || value > maxPriority {
		e.Add(path, strconv.Itoa(value), fmt.Sprintf("write a number from %d to %d", minPriority, maxPriority))
	}
}

// maxRestart is the longest restart time BGP can tell a peer: 12 bits of
// seconds (RFC 4724 section 3). maxKeepalive has 16 bits (RFC 4271 section 4.2).
const (
	maxRestart   = 4095 * time.Second
	maxKeepalive = 65535 * time.Second
)

func (e *Invalid) span(path string, d *Duration, most time.Duration) {
	if d != nil && (d.Duration < 0 || d.Duration > most) {
		e.Add(path, d.Duration.String(), "write a duration from 0s to "+strconv.Itoa(int(most.Seconds()))+"s")
	}
}

// realAS refuses AS 0, which nobody may use (RFC 7607). Nil is fine.
func (e *Invalid) realAS(path string, n *ASN) {
	if n != nil && *n == 0 {
		e.Add(path, "0", "AS 0 is reserved (RFC 7607); write the real AS number or leave the field out")
	}
}

// password checks where a password is to be found.
func (e *Invalid) password(path string, p *BGPPassword) {
	if p == nil {
		return
	}
	path += ".secretKeyRef"
	if p.SecretKeyRef == nil {
		e.Add(path, "", "secretKeyRef is required; it has the name of a Secret and a key in it")
		return
	}
	if p.SecretKeyRef.Name == "" {
		e.Add(path+".name", "", "name is required; write the name of a Secret")
	} else {
		e.name(path+".name", p.SecretKeyRef.Name)
	}
	if key := p.SecretKeyRef.Key; key == "" {
		e.Add(path+".key", "", "key is required; write the key of the Secret that holds the password")
	} else if !dataKey.MatchString(key) {
		e.Add(path+".key", key, "the keys of a Secret are letters, digits and - . _")
	}
}

// community checks a standard or large community. Its words are calicoctl's.
func (e *Invalid) community(path, text string) {
	if reason := communityFault(text); reason != "" {
		e.Add(path, text, reason)
	}
}

// communityFault says what is wrong with aa:nn (RFC 1997) or aa:nn:mm (RFC
// 8092), or nothing.
func communityFault(text string) string {
	parts := strings.Split(text, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return "invalid community value or format used; write aa:nn, or aa:nn:mm for a large community"
	}
	bits := 16
	if len(parts) == 3 {
		bits = 32
	}
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return "invalid community value or format used; write aa:nn, or aa:nn:mm for a large community"
		}
		if _, err := strconv.ParseUint(part, 10, bits); err != nil {
			return fmt.Sprintf("invalid community value, expected %d bit value; %s is more than %d", bits, part, uint64(1)<<bits-1)
		}
	}
	return ""
}

// atMost checks how many entries a list has.
func (e *Invalid) atMost(path string, have, most int) {
	if have > most {
		e.Add(path, "", fmt.Sprintf("the list has %d entries, at most %d are allowed", have, most))
	}
}
