package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Process is a program that runs in a host.
type Process struct {
	host *Host
	name string
	cmd  *exec.Cmd
	out  buffer
	done chan struct{}
	err  error
}

// Start runs a program in the host; it is killed when the test ends. What it
// prints goes to the test's log if the test fails.
func (h *Host) Start(name string, args ...string) *Process {
	h.T.Helper()
	p := &Process{host: h, name: name, cmd: h.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.WaitDelay = time.Second // children of a killed program may still hold its output
	// `ip netns exec` replaces itself by the program, so the process id is the program's.
	if err := p.cmd.Start(); err != nil {
		h.T.Fatalf("%s: start %s: %v", h.Name, name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	h.T.Cleanup(func() {
		p.Kill()
		if h.T.Failed() {
			h.T.Logf("---- %s on %s printed:\n%s", name, h.Name, p.Output())
		}
	})
	return p
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what the program has printed so far.
func (p *Process) Output() string { return p.out.String() }

// Running reports whether the program has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the program as kill -9 does and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// Pause stops the program where it is, until Continue (SIGSTOP).
func (p *Process) Pause() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue lets a program go on that was paused.
func (p *Process) Continue() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Stop asks the program to end (SIGTERM) and returns its error status.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return p.err
	case <-time.After(10 * time.Second):
		p.Kill()
		return errors.New("still running 10 s after SIGTERM")
	}
}

// A buffer is a bytes.Buffer for one writer and many readers.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A Bird is a running BIRD 2.
type Bird struct {
	*Process
	ctl string
}

// Bird starts BIRD 2 in the host with a configuration. The head that every
// configuration needs (router id, device, logging) is the caller's. Flags are
// further arguments, such as -R for one that was killed.
func (h *Host) Bird(conf string, flags ...string) *Bird {
	h.T.Helper()
	if _, err := exec.LookPath("bird"); err != nil {
		h.T.Fatal("this test needs BIRD 2: run `make deps`")
	}
	return h.bird("bird", "bird", conf, flags)
}

// Bird1 starts BIRD 1.6 for one family in the host; a host can have both.
func (h *Host) Bird1(six bool, conf string, flags ...string) *Bird {
	h.T.Helper()
	program := "bird"
	if six {
		program = "bird6"
	}
	return h.bird(h.dep("bird/usr/sbin/"+program), program, conf, flags)
}

func (h *Host) bird(program, name, conf string, flags []string) *Bird {
	h.T.Helper()
	base := h.dir + "/" + h.Name + "." + name
	file, ctl := h.File(h.Name+"."+name+".conf", conf), base+".ctl"
	_ = os.Remove(ctl) // of one that was killed
	b := &Bird{ctl: ctl}
	b.Process = h.Start(program, append([]string{"-f", "-c", file, "-s", ctl, "-P", base + ".pid"}, flags...)...)
	Until(h.T, 10*time.Second, "BIRD on "+h.Name, func() error {
		if !b.Running() {
			h.T.Fatalf("BIRD on %s ended: %s", h.Name, b.Output())
		}
		_, err := os.Stat(ctl)
		return err
	})
	return b
}

// CLI sends a command to BIRD and returns its answer.
func (b *Bird) CLI(command string) string {
	out, err := exec.Command("birdc", append([]string{"-s", b.ctl}, strings.Fields(command)...)...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("birdc %s: %v: %s", command, err, out)
	}
	return string(out)
}
