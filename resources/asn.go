package resources

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An ASN is an autonomous system number (RFC 6793: 0 to 4294967295). Files may
// write it as a number, as a string, or in dotted notation "1.10" (RFC 5396);
// it is stored and printed as a number.
type ASN uint32

// errDottedFloat is what an unquoted 1.10 gets: YAML has made it the float 1.1
// by the time anybody asks, and that is another AS.
var errDottedFloat = errors.New(`write dotted notation in quotes: "1.10"`)

// ParseASN reads an AS number in plain (65546) or dotted (1.10) notation.
func ParseASN(text string) (ASN, error) {
	high, low, dotted := strings.Cut(text, ".")
	if !dotted {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("invalid AS Number format (%s); an AS number is 0 to 4294967295, or dotted like 1.10", text)
		}
		return ASN(n), nil
	}
	h, herr := strconv.ParseUint(high, 10, 16)
	l, lerr := strconv.ParseUint(low, 10, 16)
	if herr != nil || lerr != nil {
		return 0, fmt.Errorf("invalid AS Number format (%s); both halves of dotted notation are 0 to 65535", text)
	}
	return ASN(h<<16 | l), nil
}

// MarshalJSON writes the plain number, however it was read.
func (a ASN) MarshalJSON() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(a), 10), nil
}

// UnmarshalJSON reads a whole number, or a string in plain or dotted notation.
func (a *ASN) UnmarshalJSON(b []byte) error {
	text := string(b)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	} else if strings.ContainsAny(text, ".eE") {
		return fmt.Errorf("invalid AS Number format (%s); %w", text, errDottedFloat)
	}
	n, err := ParseASN(text)
	if err != nil {
		return err
	}
	*a = n
	return nil
}

// String writes the plain number.
func (a ASN) String() string { return strconv.FormatUint(uint64(a), 10) }
