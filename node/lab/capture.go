package lab

import (
	"os/exec"
	"strings"
	"time"
)

// A Capture is what goes over a host's BGP connections, in Wireshark's eyes.
type Capture struct {
	*Process
	host *Host
	file string
}

// Capture begins to record a device's BGP packets.
func (h *Host) Capture(dev string) *Capture {
	h.T.Helper()
	for _, program := range []string{"tshark", "dumpcap"} {
		if _, err := exec.LookPath(program); err != nil {
			h.T.Fatalf("this test needs %s: run `make deps`", program)
		}
	}
	c := &Capture{host: h, file: h.dir + "/" + h.Name + "." + dev + ".pcapng"}
	c.Process = h.Start("dumpcap", "-q", "-i", dev, "-f", "tcp port 179", "-w", c.file)
	Until(h.T, 10*time.Second, "dumpcap on "+h.Name, func() error { return Contains(c.Output(), "File: ") })
	return c
}

// Show is what has been recorded of packets that match a display filter: the
// number of the packet and the given fields, a line for each packet.
func (c *Capture) Show(filter string, fields ...string) string {
	c.host.T.Helper()
	args := []string{"-n", "-r", c.file, "-Y", filter, "-T", "fields", "-e", "frame.number"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	// A file that is still being written may end in the middle of a packet:
	// tshark says so and shows the rest.
	out, err := exec.Command("tshark", args...).Output()
	if err != nil && len(out) == 0 && !c.Running() {
		c.host.T.Fatalf("tshark %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
