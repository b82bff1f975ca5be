package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/status"
)

// Binary is the path of a calctl built from this tree, statically and without
// cgo as it is released. It is built once per test process.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built = sync.OnceValues(func() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/calctl/calctl").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	dir := filepath.Clean(string(root[:len(root)-1]))
	path := filepath.Join(dir, "bin", "calctl-lab")
	// Several test processes may build at once, and run what another has built:
	// a rename gives each a whole file.
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-trimpath", "-o", fresh, "./cmd/calctl")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build calctl: %w\n%s", err, out)
	}
	return path, os.Rename(fresh, path)
})

// A Calctl is calctl on one host: its datastore, its socket and, once Start
// was called, its daemon.
type Calctl struct {
	*Host
	Store  string // the folder, "" for another datastore
	Socket string
	*Process
	where []string // the flags that name the datastore
}

// Calctl gives a host a calctl with a datastore folder of its own.
func (h *Host) Calctl() *Calctl { return h.CalctlSharing(filepath.Join(h.dir, h.Name+".d")) }

// CalctlSharing gives a host a calctl whose datastore is a folder that others use too.
func (h *Host) CalctlSharing(folder string) *Calctl {
	return &Calctl{Host: h, Store: folder, Socket: h.calctlSocket(), where: []string{"--datastore", folder}}
}

// CalctlOn gives a host a calctl whose datastore is an etcd.
func (h *Host) CalctlOn(endpoints ...string) *Calctl {
	return h.calctlBy("datastoreType: etcdv3", "etcdEndpoints: "+strings.Join(endpoints, ","))
}

// CalctlOnKube gives a host a calctl whose datastore is the API server of a kubeconfig.
func (h *Host) CalctlOnKube(kubeconfig string) *Calctl {
	return h.calctlBy("datastoreType: kubernetes", "kubeconfig: "+kubeconfig)
}

// calctlBy gives a host a calctl with a configuration as calicoctl has it.
func (h *Host) calctlBy(spec ...string) *Calctl {
	file := h.File(h.Name+".calicoctl.cfg", "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  "+strings.Join(spec, "\n  ")+"\n")
	return &Calctl{Host: h, Socket: h.calctlSocket(), where: []string{"--config", file}}
}

func (h *Host) calctlSocket() string { return filepath.Join(h.dir, h.Name+".sock") }

// Apply applies YAML; the test fails when calctl refuses it.
func (c *Calctl) Apply(yaml string) {
	c.T.Helper()
	file := c.File(c.Name+".apply.yaml", yaml)
	c.Do("apply", "-f", file)
}

// Do runs a calctl command on the host to its end and returns its output.
func (c *Calctl) Do(args ...string) string {
	c.T.Helper()
	return c.Run(Binary(c.T), append(args, c.where...)...)
}

// Start starts the daemon: `calctl node run --name HOST` and further flags. It
// does not wait for anything.
func (c *Calctl) Start(flags ...string) {
	c.T.Helper()
	args := append([]string{"node", "run", "--name", c.Name, "--socket", c.Socket, "--log-level", "debug"}, append(flags, c.where...)...)
	c.Process = c.Host.Start(Binary(c.T), args...)
}

// Status asks the daemon.
func (c *Calctl) Status() (status.Report, error) {
	var r status.Report
	out, err := exec.Command(Binary(c.T), "node", "status", "--socket", c.Socket, "-o", "json").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}

// Peer is a session as the daemon reports it.
func (c *Calctl) Peer(addr string) (status.Peer, error) {
	r, err := c.Status()
	if err != nil {
		return status.Peer{}, err
	}
	for _, p := range r.Peers {
		if p.Address.String() == addr {
			return p, nil
		}
	}
	return status.Peer{}, fmt.Errorf("no peer %s in %d peers; problems: %v", addr, len(r.Peers), r.Problems)
}

// Established waits until the session with addr is up.
func (c *Calctl) Established(addr string, limit time.Duration) time.Duration {
	c.T.Helper()
	return Until(c.T, limit, "session with "+addr+" on "+c.Name, func() error {
		p, err := c.Peer(addr)
		if err != nil {
			return err
		}
		if p.State != status.StateUp {
			return fmt.Errorf("%s is %s (%s): %s", addr, p.State, p.BGPState, p.LastError)
		}
		return nil
	})
}
