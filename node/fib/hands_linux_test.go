package fib

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/calctl/calctl/status"
)

// TestHands: whatever somebody does by hand to a route of ours, or beside it, ours is
// as it was soon.
func TestHands(t *testing.T) {
	for _, v := range bothFamilies {
		t.Run(v.name, func(t *testing.T) {
			look, s, _ := runs(t)
			s.Settled()
			s.Want(want(v.dst + " " + v.via))
			ours := v.dst + " " + v.via + " metric 32"
			metrics(t, look, ours)
			for _, cmd := range []string{
				"route append " + v.dst + " via " + v.other + " metric 32 proto 179",
				"route prepend " + v.dst + " via " + v.other + " metric 32 proto 179",
				"route append blackhole " + v.dst + " metric 32 proto 179",
				"route replace " + v.dst + " via " + v.via + " dev eth0 metric 32 proto 179 mtu 1300",
				"route change " + v.dst + " via " + v.other + " dev eth0 metric 32 proto 179",
				"route append unreachable " + v.dst + " metric 40 proto 179",
			} {
				t.Log(cmd)
				ip(t, cmd)
				metrics(t, look, ours)
				expect(t, look, v.dst+" via "+v.via+"%eth0")
				lacks(t, "route show "+v.dst, "mtu")
			}
			// Somebody else's of the same metric, beside ours.
			foreign := v.dst + " via " + v.other + "%eth0 by static"
			for _, how := range []string{"append", "prepend"} {
				t.Log(how)
				ip(t, "route "+how+" "+v.dst+" via "+v.other+" metric 32 proto static")
				expect(t, look, foreign, v.dst+" via "+v.via+"%eth0")
				failures(t, s, v.dst+": another route with metric 32 is there, made by static")
				ip(t, "route del "+v.dst+" via "+v.other+" metric 32 proto static")
				metrics(t, look, ours)
			}
			reports(t, s, status.Routes{Wanted: 1, Installed: 1})
		})
	}
}

// lacks waits until ip(8) doesn't say something any more.
func lacks(t *testing.T, cmd, words string) {
	t.Helper()
	wait(t, func() string {
		b, err := exec.Command("ip", strings.Fields(cmd)...).CombinedOutput()
		if err != nil || strings.Contains(string(b), words) {
			return fmt.Sprintf("ip %s: %v: %q is in\n%s", cmd, err, words, b)
		}
		return ""
	})
}
