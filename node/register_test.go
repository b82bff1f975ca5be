package node

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/autodetect"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

var interfaces = []autodetect.Interface{{Name: "eth0", Addrs: []netip.Prefix{
	netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("2001:db8::7/64"),
}}}

func TestAddressChoices(t *testing.T) {
	const v4, v6 = autodetect.IPv4, autodetect.IPv6
	for _, tc := range []struct {
		text, method string
		family       autodetect.Family
		stored       string
		want         string // of resolve, or the error of either step
	}{
		{text: "", family: v4, want: "192.0.2.7/24"},
		{text: "", family: v4, stored: "10.0.0.1/8", want: "10.0.0.1/8"},
		{text: "", family: v6, want: ""},
		{text: "", family: v6, stored: "fd00::1/64", want: "fd00::1/64"},
		{text: "autodetect", family: v4, stored: "10.0.0.1/8", want: "192.0.2.7/24"},
		{text: "autodetect", family: v6, want: "2001:db8::7/64"},
		{text: "autodetect", family: v4, method: "interface=eth1", want: "failed to autodetect an IPv4 address: 'interface=eth1' finds none on this machine (name one with --ip)"},
		{text: "none", family: v4, stored: "10.0.0.1/8", want: ""},
		{text: "192.0.2.7", family: v4, want: "192.0.2.7/24"},
		{text: "198.51.100.1", family: v4, want: "198.51.100.1/32"},
		{text: "198.51.100.1/20", family: v4, want: "198.51.100.1/20"},
		{text: "fd00::1", family: v6, want: "fd00::1/128"},
		{text: "abc", family: v4, want: "invalid IP address specified: abc (give an address, address/length, autodetect or none)"},
		{text: "fe80::1%eth0", family: v6, want: "invalid IP address specified: fe80::1%eth0 (give an address, address/length, autodetect or none)"},
		{text: "fd00::1", family: v4, want: "fd00::1 is wrong IP version: it is not an IPv4 address"},
		{text: "192.0.2.7", family: v6, want: "192.0.2.7 is wrong IP version: it is not an IPv6 address"},
	} {
		a, err := ParseAddress(tc.text, tc.family, tc.method)
		got := ""
		if err == nil {
			got, err = a.resolve(tc.stored, interfaces)
		}
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s %q %q, stored %q: got %q, want %q", tc.family, tc.text, tc.method, tc.stored, got, tc.want)
		}
	}
}

func openStore(t *testing.T) store.Store {
	t.Helper()
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func given4(t *testing.T, addr string) Identity {
	t.Helper()
	a, err := ParseAddress(addr, autodetect.IPv4, "")
	if err != nil {
		t.Fatal(err)
	}
	six, err := ParseAddress("", autodetect.IPv6, "")
	if err != nil {
		t.Fatal(err)
	}
	return Identity{IPv4: a, IPv6: six}
}

func TestRegisterKeepsWhatOthersSay(t *testing.T) {
	s, ctx := openStore(t), context.Background()
	n := &resources.Node{}
	n.Name = "a"
	n.Labels = map[string]string{"rack": "r1"}
	n.Spec.BGP = &resources.NodeBGPSpec{IPv4Address: "10.0.0.1/24", RouteReflectorClusterID: "244.0.0.1"}
	before, err := store.Create(ctx, s, n)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Name: "a", Store: s, Identity: given4(t, "10.0.0.1/24"), Log: slog.New(slog.DiscardHandler)}
	if err := register(ctx, c); err != nil {
		t.Fatal(err)
	}
	same, err := s.Get(ctx, resources.KeyOf(n))
	if err != nil {
		t.Fatal(err)
	}
	if same.Meta().ResourceVersion != before.Meta().ResourceVersion {
		t.Error("a registration that changes nothing wrote the resource")
	}

	asn := resources.ASN(65001)
	c.Identity = given4(t, "10.0.0.2/24")
	c.Identity.ASN = &asn
	if err := register(ctx, c); err != nil {
		t.Fatal(err)
	}
	after, err := s.Get(ctx, resources.KeyOf(n))
	if err != nil {
		t.Fatal(err)
	}
	got := after.(*resources.Node)
	if got.Spec.BGP.IPv4Address != "10.0.0.2/24" || *got.Spec.BGP.ASNumber != asn ||
		got.Spec.BGP.RouteReflectorClusterID != "244.0.0.1" || got.Labels["rack"] != "r1" || got.UID != before.Meta().UID {
		t.Errorf("registered %+v of %+v", got.Spec.BGP, got.Metadata)
	}
}

func TestRegisterRefusesAnAddressInUse(t *testing.T) {
	s, ctx := openStore(t), context.Background()
	other := &resources.Node{}
	other.Name = "b"
	other.Spec.BGP = &resources.NodeBGPSpec{IPv4Address: "10.0.0.1/24"}
	if _, err := store.Create(ctx, s, other); err != nil {
		t.Fatal(err)
	}
	err := register(ctx, Config{Name: "a", Store: s, Identity: given4(t, "10.0.0.1"), Log: slog.New(slog.DiscardHandler)})
	var mistake identityError
	if !errors.As(err, &mistake) {
		t.Fatalf("got %v, want an identity error", err)
	}
	const want = "Calico node 'b' is already using the IPv4 address 10.0.0.1: give this node its own with --ip or --ip6, or delete the other"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// TestStayRegistered: a node that is deleted while it runs is back after a
// second, and ever later if that happens again and again.
func TestStayRegistered(t *testing.T) {
	s := openStore(t) // outside the bubble: it watches real files
	key := resources.Key{Kind: resources.KindNode, Name: "a"}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := Config{Name: "a", Store: s, Identity: given4(t, "10.0.0.1/24"), Log: slog.New(slog.DiscardHandler)}
		if err := register(ctx, c); err != nil {
			t.Fatal(err)
		}
		missing := make(chan struct{}, 1)
		done := make(chan error, 1)
		go func() { done <- stayRegistered(ctx, c, true, missing) }()
		there := func() bool {
			_, err := s.Get(ctx, key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			return err == nil
		}
		// A snapshot from before the registration changes nothing.
		before, err := s.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		missing <- struct{}{}
		<-time.After(5 * time.Minute)
		if after, err := s.Get(ctx, key); err != nil || after.Meta().ResourceVersion != before.Meta().ResourceVersion {
			t.Errorf("written again though it was there: %v", err)
		}
		for _, delay := range []time.Duration{registerFirst, 2 * registerFirst, 4 * registerFirst} {
			if _, err := s.Delete(ctx, key, ""); err != nil {
				t.Fatal(err)
			}
			missing <- struct{}{}
			<-time.After(delay - time.Millisecond)
			if there() {
				t.Errorf("back before %v are over", delay)
			}
			<-time.After(time.Second)
			synctest.Wait()
			if !there() {
				t.Errorf("not back after %v", delay+time.Second)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stayRegistered: %v", err)
		}
	})
}
