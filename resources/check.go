package resources

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The checks below find at most one fault in one value and say how to mend it. Where
// calicoctl has words for the fault they come first, because scripts look for them.

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

// addressFault is about a single address of the family bits (32 or 128).
func addressFault(text string, bits int) string {
	if addr, err := netip.ParseAddr(text); err != nil || addr.Zone() != "" || addr.BitLen() != bits {
		return "write " + exampleAddress(bits) + ", without a length"
	}
	return ""
}

// hostFault is about the address of a machine, with or without a length. Bits is 32,
// 128, or 0 for either family.
func hostFault(text string, bits int) string {
	p, err := parseHost(text)
	switch {
	case err != nil || bits != 0 && p.Addr().BitLen() != bits:
		return "write " + exampleAddress(bits) + ", with or without a length"
	case !isHost(p.Addr()):
		return "no machine can have this address"
	}
	return ""
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
