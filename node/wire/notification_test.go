package wire

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNotificationWords(t *testing.T) {
	long := strings.Repeat("ä", 200) // 400 octets
	for _, tt := range []struct {
		name string
		n    Notification
		want string
	}{
		{"plain", Notification{2, 2, nil}, "OPEN Message Error/Bad Peer AS"},
		{"no subcode", Notification{4, 0, nil}, "Hold Timer Expired"},
		{"an unknown subcode", Notification{6, 77, nil}, "Cease/subcode 77"},
		{"an unknown code", Notification{99, 3, nil}, "code 99/3"},
		{"shutdown with words (9003 §2)", Shutdown(AdminShutdown, "back at 10:00"), `Cease/Administrative Shutdown: "back at 10:00"`},
		{"reset without words", Shutdown(AdminReset, ""), "Cease/Administrative Reset"},
		{"words cut between letters", Shutdown(AdminReset, long), `Cease/Administrative Reset: "` + long[:254] + `"`},
		{"hard reset (8538 §3)", Shutdown(AdminShutdown, "bye").Hard(), `Cease/Hard Reset: Cease/Administrative Shutdown: "bye"`},
		{"hard reset of nothing", Notification{6, 9, nil}, "Cease/Hard Reset"},
		{"words too short", Notification{6, 2, []byte{9, 'a'}}, "Cease/Administrative Shutdown"},
		{"words of nothing", Notification{6, 2, []byte{0}}, "Cease/Administrative Shutdown"},
		{"too many prefixes (4486 §4)", TooManyPrefixes(IPv6, 1000).Notification(), "Cease/Maximum Number of Prefixes Reached (more than 1000)"},
		{"words of another subcode are none", Notification{6, 1, []byte{1, 'a'}}, "Cease/Maximum Number of Prefixes Reached"},
		{"a forged log line", Notification{6, 2, []byte("\x0ea\nb\x1b[2J\x00c\u202ed\r")}, `Cease/Administrative Shutdown: "a b[2Jcd"`},
		{"not UTF-8", Notification{6, 2, []byte{3, 'a', 0xff, 'b'}}, `Cease/Administrative Shutdown: "a?b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := AppendNotification(nil, tt.n)
			typ, length, bad := Header(b, MaxLen)
			if bad != nil || typ != TypeNotification || length != len(b) {
				t.Fatal(bad)
			}
			if got := DecodeNotification(b[headerLen:]).String(); got != tt.want || !utf8.ValidString(got) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if n := DecodeNotification(nil); n.Code != 0 || DecodeNotification([]byte{6}).Code != 6 {
		t.Error("short ones")
	}
	if b := AppendNotification(nil, Notification{3, 1, make([]byte, 9000)}); len(b) != MaxLen {
		t.Errorf("%d octets of NOTIFICATION", len(b))
	}
	e := errorf(UpdateError, InvalidOrigin, []byte{1}, "value %d", 7)
	if e.Error() != "UPDATE Message Error/Invalid ORIGIN Attribute: value 7" || e.Notification().Data[0] != 1 {
		t.Error(e)
	}
	if e.Why = ""; e.Error() != "UPDATE Message Error/Invalid ORIGIN Attribute" {
		t.Error(e)
	}
}

func TestRefresh(t *testing.T) {
	for _, r := range []Refresh{{IPv4, RefreshRequest}, {IPv6, RefreshBegin}, {IPv6, RefreshEnd}, {NewFamily(25, 70), 200}} {
		b := AppendRefresh(nil, r)
		if typ, length, bad := Header(b, MaxLen); bad != nil || typ != TypeRefresh || length != len(b) {
			t.Fatal(bad)
		}
		got, err := DecodeRefresh(b[headerLen:])
		if err != nil || got != r {
			t.Errorf("%v became %v, %v", r, got, err)
		}
	}
	if _, err := DecodeRefresh([]byte{0, 1, 0}); err == nil || err.Code != 1 || err.Subcode != 2 {
		t.Errorf("3 octets: %v", err)
	}
	if r, err := DecodeRefresh([]byte{0, 1, 0, 1, 1, 64, 0, 3, 1, 2, 3}); err != nil || r != (Refresh{IPv4, 0}) {
		t.Errorf("with an outbound filter: %v %v", r, err)
	}
	_, err := DecodeRefresh([]byte{0, 1, 1, 1, 9})
	if err == nil || err.Code != 7 || err.Subcode != 1 || !bytes.Equal(err.Data, message(0xff, 24, 5, 0, 1, 1, 1, 9)) {
		t.Errorf("BoRR of 5 octets (7313 §5): %v %x", err, err.Data)
	}
}

func TestSafely(t *testing.T) {
	if err := Safely(func() *Error { return nil }); err != nil {
		t.Error(err)
	}
	own := &Error{Code: 3}
	if err := Safely(func() *Error { return own }); err != own {
		t.Error(err)
	}
	var list []int
	err := Safely(func() *Error { list[3] = 1; return nil })
	if err == nil || err.Code != Cease || err.Subcode != OutOfResources || !strings.Contains(err.Why, "index out of range") || !strings.Contains(err.Why, "notification_test.go") {
		t.Errorf("%v", err)
	}
	if len(err.Data) != 0 {
		t.Error("the peer hears of our insides")
	}
}

func TestMartian(t *testing.T) {
	for p, want := range map[string]bool{
		"0.0.0.0/0": false, "0.0.0.0/8": true, "0.1.0.0/16": true, "10.0.0.0/8": false, "127.0.0.0/8": true, "127.1.2.3/32": true,
		"128.0.0.0/1": false, "169.254.0.0/16": true, "169.254.3.0/24": true, "169.0.0.0/8": false, "224.0.0.0/4": true, "239.1.1.1/32": true,
		"240.0.0.0/4": true, "255.255.255.255/32": true, "223.255.255.0/24": false, "192.0.2.0/24": false,
		"::/0": false, "::1/128": true, "::/128": true, "fe80::/10": true, "fe80::1/128": true, "ff00::/8": true, "2001:db8::/32": false, "fd00::/8": false, "::/8": false,
	} {
		if got := Martian(netip.MustParsePrefix(p)); got != want {
			t.Errorf("Martian(%s) = %v", p, got)
		}
	}
}

// TestNames: what logs and status show.
func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		IPv4.String(): "ipv4-unicast", IPv6.String(): "ipv6-unicast", Family(0).String(): "none", NewFamily(25, 70).String(): "afi 25 safi 70",
		OK.String(): "ok", FamilyIgnored.String(): "family ignored", AttributeDiscard.String(): "attribute discard", TreatAsWithdraw.String(): "treat-as-withdraw",
		OriginIGP.String(): "IGP", OriginEGP.String(): "EGP", OriginIncomplete.String(): "Incomplete",
		TypeOpen.String(): "OPEN", TypeUpdate.String(): "UPDATE", TypeNotification.String(): "NOTIFICATION", TypeKeepalive.String(): "KEEPALIVE",
		TypeRefresh.String(): "ROUTE-REFRESH", Type(9).String(): "type 9",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if SetOf(IPv6, NewFamily(25, 70)) != OnlyIPv6 || SetOf() != 0 {
		t.Error("SetOf")
	}
}
