package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var depsFolder = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/calctl/calctl").Output()
	return filepath.Join(strings.TrimSpace(string(out)), "bin", "deps"), err
})

// dep is the path of something `make deps` brings.
func (h *Host) dep(file string) string {
	h.T.Helper()
	return h.made(file, "deps")
}

// made is the path of something in bin/deps that a target of the Makefile brings.
func (h *Host) made(file, target string) string {
	h.T.Helper()
	folder, err := depsFolder()
	if err != nil {
		h.T.Fatal(err)
	}
	path := filepath.Join(folder, file)
	if _, err := os.Stat(path); err != nil {
		h.T.Fatalf("this test needs %s: run `make %s`", path, target)
	}
	return path
}

// answers waits until a daemon that has just been started can be asked.
func (p *Process) answers(what string, ask func() error) {
	p.host.T.Helper()
	Until(p.host.T, time.Minute, what+" on "+p.host.Name, func() error {
		if !p.Running() {
			p.host.T.Fatalf("%s on %s ended: %s", what, p.host.Name, p.Output())
		}
		return ask()
	})
}

// said is what a client of a daemon printed, or why it could not.
func (h *Host) said(name string, args ...string) string {
	out, err := h.Try(name, args...)
	if err != nil {
		return fmt.Sprintf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// An FRR is a running bgpd of FRRouting, with or without zebra, which has the
// kernel's routes.
type FRR struct {
	*Process
	Zebra *Process // nil: the kernel is left alone
	vty   string
}

// FRR starts bgpd with a configuration and leaves the kernel alone.
func (h *Host) FRR(conf string) *FRR {
	h.T.Helper()
	return h.bgpd(conf)
}

// FRRWithKernel starts zebra and bgpd: routes go to the kernel.
func (h *Host) FRRWithKernel(conf string) *FRR {
	h.T.Helper()
	base := h.dir + "/" + h.Name + ".frr"
	file := h.File(h.Name+".frr/zebra.conf", "")
	_ = os.Remove(base + "/zebra.vty") // of one that was killed
	zebra := h.frr("zebra", "-u", "root", "-g", "root", "-f", file, "-i", base+"/zebra.pid")
	f := &FRR{vty: base + "/zebra.vty"}
	zebra.answers("zebra", func() error { _, err := f.vtysh("show version"); return err })
	f = h.bgpd(conf)
	f.Zebra = zebra
	return f
}

func (h *Host) bgpd(conf string) *FRR {
	h.T.Helper()
	base := h.dir + "/" + h.Name + ".frr"
	file := h.File(h.Name+".frr/bgpd.conf", conf)
	_ = os.Remove(base + "/bgpd.vty") // of one that was killed
	f := &FRR{vty: base + "/bgpd.vty"}
	f.Process = h.frr("bgpd", "-S", "-f", file, "-i", base+"/pid")
	f.answers("FRR", func() error { _, err := f.vtysh("show version"); return err })
	return f
}

// frr starts one of FRR's daemons; they find each other by their folder. zebra
// insists on a group, of which its user is a member: it sees a file of groups
// of its own, as `ip netns exec` gives each program a view of its own.
func (h *Host) frr(program string, args ...string) *Process {
	h.T.Helper()
	base := h.dir + "/" + h.Name + ".frr"
	groups := h.File(h.Name+".frr/group", "root:x:0:\nfrrvty:x:500:root\n")
	return h.Start("sh", append([]string{"-c", `mount --bind "$0" /etc/group && exec "$@"`, groups,
		"env", "LD_LIBRARY_PATH=" + h.dep("frr/usr/lib/x86_64-linux-gnu/frr"), h.dep("frr/usr/lib/frr/" + program),
		"-z", base + "/zserv", "--vty_socket", base, "-P", "0", "--log", "stdout"}, args...)...)
}

// CLI sends commands, as vtysh does, and returns the answer to the last.
func (f *FRR) CLI(commands ...string) string {
	out, err := f.vtysh(commands...)
	if err != nil {
		return fmt.Sprintf("bgpd: %v: %v", commands, err)
	}
	return out
}

// vtysh speaks the language between vtysh and a daemon: a command ends with a
// zero, an answer with three and its status. vtysh itself wants to be let in by
// PAM, which has to be configured for the whole machine.
func (f *FRR) vtysh(commands ...string) (answer string, err error) {
	conn, err := net.DialTimeout("unix", f.vty, time.Second)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	r := bufio.NewReader(conn)
	for _, c := range append([]string{"enable"}, commands...) {
		if _, err := conn.Write(append([]byte(c), 0)); err != nil {
			return "", err
		}
		text, err := r.ReadString(0)
		if err != nil {
			return "", err
		}
		var end [3]byte
		if _, err := io.ReadFull(r, end[:]); err != nil {
			return "", err
		}
		answer = strings.TrimSuffix(text, "\x00")
		if end[2] != 0 {
			return "", fmt.Errorf("%s: status %d: %s", c, end[2], answer)
		}
	}
	return answer, nil
}

// A GoBGP is a running gobgpd.
type GoBGP struct {
	*Process
	folder string // of the programs
}

// GoBGP starts Debian's gobgpd, version 3, with a configuration in TOML.
func (h *Host) GoBGP(conf string, flags ...string) *GoBGP {
	h.T.Helper()
	return h.gobgp("gobgpd/usr/bin/", conf, flags)
}

// GoBGP4 starts the gobgpd of the version that .ci/gobgp names.
func (h *Host) GoBGP4(conf string, flags ...string) *GoBGP {
	h.T.Helper()
	return h.gobgp("gobgp4/", conf, flags)
}

func (h *Host) gobgp(folder, conf string, flags []string) *GoBGP {
	h.T.Helper()
	g := &GoBGP{folder: folder}
	g.Process = h.Start(h.dep(folder+"gobgpd"), append([]string{"-f", h.File(h.Name+".gobgp.toml", conf), "-p", "--pprof-disable", "--api-hosts", "127.0.0.1:50051"}, flags...)...)
	g.answers("GoBGP", func() error {
		_, err := h.Try(h.dep(folder+"gobgp"), "global")
		return err
	})
	return g
}

// CLI runs gobgp and returns what it says.
func (g *GoBGP) CLI(command ...string) string {
	return g.host.said(g.host.dep(g.folder+"gobgp"), command...)
}

// An OpenBGPD is a running bgpd of OpenBSD.
type OpenBGPD struct {
	*Process
	ctl string
}

// OpenBGPD starts bgpd with a configuration; the line that names the control
// socket is added.
func (h *Host) OpenBGPD(conf string) *OpenBGPD {
	h.T.Helper()
	program := h.dep("openbgpd/usr/sbin/bgpd")
	if err := os.MkdirAll("/run/openbgpd", 0o755); err != nil { //nolint:gosec // its own user enters
		h.T.Fatal(err)
	}
	o := &OpenBGPD{ctl: h.dir + "/" + h.Name + ".obgpd.sock"}
	_ = os.Remove(o.ctl)
	file := h.File(h.Name+".obgpd.conf", "socket \""+o.ctl+"\"\n"+conf)
	if err := os.Chmod(file, 0o600); err != nil { // else it refuses to read it
		h.T.Fatal(err)
	}
	o.Process = h.Start(program, "-d", "-v", "-f", file)
	o.answers("OpenBGPD", func() error {
		_, err := h.Try(h.dep("openbgpd/usr/sbin/bgpctl"), "-s", o.ctl, "show")
		return err
	})
	return o
}

// Kill kills all parts of OpenBGPD at once: one that finds its parent gone says
// goodbye to its peers.
func (o *OpenBGPD) Kill() {
	_ = o.cmd.Process.Signal(syscall.SIGSTOP)
	parts, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", o.PID()))
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range strings.Fields(string(parts)) {
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(n, signal)
			}
		}
	}
	o.Process.Kill()
}

// CLI runs bgpctl and returns what it says.
func (o *OpenBGPD) CLI(command ...string) string {
	return o.host.said(o.host.dep("openbgpd/usr/sbin/bgpctl"), append([]string{"-s", o.ctl}, command...)...)
}

// An ExaBGP is a running ExaBGP. It keeps no table: what it has heard is what
// its events say.
type ExaBGP struct {
	*Process
	events, commands string
}

// ExaBGP starts ExaBGP. The configuration's neighbors report to the process
// "ears", which is added to it.
func (h *Host) ExaBGP(conf string) *ExaBGP {
	h.T.Helper()
	e := &ExaBGP{events: h.dir + "/" + h.Name + ".exabgp.events", commands: h.dir + "/" + h.Name + ".exabgp.commands"}
	_ = os.Remove(e.events)
	if _, err := os.Stat(e.commands); err != nil {
		run(h.T, "mkfifo", e.commands)
	}
	ears := h.File(h.Name+".exabgp.sh", "cat <>"+e.commands+" & feeds=$!\ntrap 'kill $feeds; exit' TERM EXIT\ncat >"+e.events+"\n")
	file := h.File(h.Name+".exabgp.conf", "process ears { run /bin/sh "+ears+"; encoder json; }\n"+conf)
	e.Process = h.Start("env", "PYTHONPATH="+h.dep("python3-exabgp/usr/lib/python3/dist-packages"), "exabgp.daemon.user=root",
		"exabgp.daemon.drop=false", "exabgp.api.cli=false", "exabgp.api.ack=false", "/usr/bin/python3", "-m", "exabgp", file)
	e.answers("ExaBGP", func() error { _, err := os.Stat(e.events); return err })
	return e
}

// Events are ExaBGP's events so far, a JSON object on each line, of those that
// contain all words.
func (e *ExaBGP) Events(words ...string) string {
	all, _ := os.ReadFile(e.events)
	var out bytes.Buffer
	for line := range bytes.Lines(all) {
		if Contains(string(line), words...) == nil {
			_, _ = out.Write(line)
		}
	}
	return out.String()
}

// Command gives ExaBGP a command of its API.
func (e *ExaBGP) Command(command string) {
	e.host.T.Helper()
	f, err := os.OpenFile(e.commands, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(command + "\n")
		_ = f.Close()
	}
	if err != nil {
		e.host.T.Fatal(err)
	}
}
