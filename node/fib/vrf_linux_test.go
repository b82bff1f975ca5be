package fib

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestParseVRF: a link says whose it is in IFLA_LINKINFO.
func TestParseVRF(t *testing.T) {
	attribute := func(kind uint16, val []byte) []byte {
		b := native.AppendUint16(nil, uint16(4+len(val)))
		b = append(native.AppendUint16(b, kind), val...)
		return append(b, make([]byte, align(len(b))-len(b))...)
	}
	for kind, want := range map[string]bool{"vrf": true, "bridge": false, "": false} {
		info := attribute(unix.IFLA_INFO_KIND, []byte("veth\x00"))
		if kind != "" {
			info = append(info, attribute(unix.IFLA_INFO_SLAVE_KIND, []byte(kind+"\x00"))...)
		}
		b := make([]byte, unix.SizeofIfInfomsg)
		native.PutUint32(b[4:], 7)
		b = append(b, attribute(unix.IFLA_LINKINFO|unix.NLA_F_NESTED, info)...)
		b = append(b, attribute(unix.IFLA_IFNAME, []byte("eth1\x00"))...)
		var l Link
		if !parseLink(b, &l) || l.VRF != want || l.Name != "eth1" || l.Index != 7 {
			t.Errorf("%q: %+v", kind, l)
		}
	}
}
