package dir_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

// The test binary runs itself as other processes; this says which, on what.
const roleVar = "CALCTL_DIR_TEST_ROLE"

// TestProcess is what those processes do.
func TestProcess(t *testing.T) {
	role, arg, _ := strings.Cut(os.Getenv(roleVar), " ")
	var err error
	switch role {
	case "":
		t.Skip("started by other tests")
	case "steps":
		err = takeSteps(arg)
	case "count":
		err = count(arg)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// process starts the test binary in a role. Its output is read by the caller.
func process(t *testing.T, role string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcess$")
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// A state is what a sequence of steps has made: the step that wrote each peer
// and each secret, by key.
type state map[resources.Key]int

// step returns what step n does to which resource: after is the state it leaves,
// and is a pure function of the state before.
func step(n int, before state) (key resources.Key, after state) {
	key = peerKey(fmt.Sprintf("p%d", n%5))
	if n%3 == 0 {
		key = resources.Key{Kind: resources.KindSecret, Name: fmt.Sprintf("s%d", n%4)}
	}
	after = state{}
	for k, v := range before {
		after[k] = v
	}
	if _, there := before[key]; there && n%7 == 0 {
		delete(after, key)
	} else {
		after[key] = n
	}
	return key, after
}

// written is a resource that tells which step wrote it, at its beginning and
// its end.
func written(key resources.Key, n int) resources.Resource {
	r := resources.TypeOf(key.Kind).New()
	r.Meta().Name = key.Name
	r.Meta().Annotations = map[string]string{"step": strconv.Itoa(n), "bulk": strings.Repeat("x", n%4*2000)}
	switch r := r.(type) {
	case *resources.BGPPeer:
		r.Spec.PeerIP, r.Spec.ASNumber = "192.0.2.1", resources.ASN(n+1)
	case *resources.Secret:
		r.Data = map[string][]byte{"step": []byte(strconv.Itoa(n))}
	}
	r.Default()
	return r
}

// stepOf reads the step from a resource, or why it is not one that was written.
func stepOf(r resources.Resource) (int, error) {
	n, err := strconv.Atoi(r.Meta().Annotations["step"])
	if err != nil {
		return 0, err
	}
	end := -1
	switch r := r.(type) {
	case *resources.BGPPeer:
		end = int(r.Spec.ASNumber) - 1
	case *resources.Secret:
		end, err = strconv.Atoi(string(r.Data["step"]))
	}
	if end != n || err != nil || r.Meta().UID == "" {
		return 0, fmt.Errorf("%s is of step %d and %d, uid %q", resources.KeyOf(r), n, end, r.Meta().UID)
	}
	return n, nil
}

// takeSteps goes on from step n+1 and says each step that is done. In the step
// it has to die in, it kills itself at any moment: from outside, one would
// mostly come too late for the few hundred microseconds that matter.
func takeSteps(arg string) error {
	var (
		n, last int
		path    string
	)
	if _, err := fmt.Sscan(arg, &n, &last, &path); err != nil {
		return err
	}
	s, err := dir.Open(path)
	if err != nil {
		return err
	}
	now, err := load(s)
	if err != nil {
		return err
	}
	var took time.Duration // by the last step
	for {
		n++
		begin := time.Now()
		if n == last {
			moment := rand.N(took + time.Millisecond)
			if n%2 == 0 { // the files are touched near the end
				moment = took*2/3 + moment/2
			}
			time.AfterFunc(moment, func() {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			})
		}
		key, after := step(n, now)
		if _, stays := after[key]; stays {
			_, err = store.Apply(context.Background(), s, written(key, n))
		} else {
			_, err = s.Delete(context.Background(), key, "")
		}
		if err != nil {
			return err
		}
		now, took = after, time.Since(begin)
		if _, err := fmt.Fprintln(os.Stdout, n); err != nil {
			return err
		}
	}
}

// load reads the state back from the files.
func load(s store.Store) (state, error) {
	now := state{}
	for _, typ := range resources.Types() {
		rs, err := s.List(context.Background(), typ.Kind)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			n, err := stepOf(r)
			if err != nil {
				return nil, err
			}
			now[resources.KeyOf(r)] = n
		}
	}
	return now, nil
}

// TestKill kills a writer again and again, wherever it happens to be. What it
// had reported as done is there, what it had not is there whole or not at all.
func TestKill(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	d := newFolder(t)
	s := mustOpen(t, d.path)
	f := follow(t, s)
	var (
		acked               int       // the last step that was reported
		want                = state{} // what is there after it
		unreported, cleared int
	)
	for round := range rounds {
		// Every fourth is killed from outside, whatever it does.
		steps, last := 2+rand.IntN(6), -1
		if round%4 > 0 {
			last = acked + steps
		}
		cmd, out := process(t, fmt.Sprintf("steps %d %d %s", acked, last, d.path))
		lines := bufio.NewScanner(out)
		for reported := 0; lines.Scan(); reported++ {
			_, want = step(acked+1, want)
			acked++
			if got := lines.Text(); got != strconv.Itoa(acked) {
				t.Fatalf("the writer reports step %q, want %d", got, acked)
			}
			if last < 0 && reported == steps {
				d.must(cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // killed

		got, err := load(s)
		if err != nil {
			t.Fatalf("after step %d: %v", acked, err)
		}
		if _, next := step(acked+1, want); !same(want, got) && same(next, got) {
			unreported++ // the step was done, and its process killed before it said so
			want = next
			acked++
		}
		if !same(want, got) {
			t.Fatalf("after step %d:\n got %v\nwant %v", acked, got, want)
		}
		for _, typ := range resources.Types() {
			if _, err := os.Stat(d.at(typ.Plural + "/" + dir.Temporary)); err == nil {
				cleared++
			}
		}
	}
	t.Logf("%d kills in %d steps: %d left a temporary file, %d came between the write and the report", rounds, acked, cleared, unreported)

	for key := range want {
		if _, err := s.Delete(t.Context(), key, ""); err != nil {
			t.Error(err)
		}
	}
	for _, typ := range resources.Types() {
		if _, err := os.Stat(d.at(typ.Plural + "/" + dir.Temporary)); err == nil {
			t.Errorf("a temporary file in %s outlives the next writer", typ.Plural)
		}
	}
	f.until("")
	for i, snap := range f.seen() {
		for _, b := range snap.Broken {
			t.Errorf("snapshot %d has a broken %s: %v", i, b.Source, b.Err)
		}
	}
}

func same(a, b state) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if n, ok := b[k]; !ok || n != v {
			return false
		}
	}
	return true
}

const increments = 25

// count increments one annotation by compare-and-swap.
func count(path string) error {
	s, err := dir.Open(path)
	if err != nil {
		return err
	}
	for range increments {
		for {
			r, err := s.Get(context.Background(), peerKey("counter"))
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(r.Meta().Annotations["count"])
			r.Meta().Annotations = map[string]string{"count": strconv.Itoa(n + 1)}
			_, err = s.Update(context.Background(), r)
			if err == nil {
				break
			}
			if !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
	}
	return nil
}

func TestProcesses(t *testing.T) {
	const processes = 4
	d := newFolder(t)
	s := mustOpen(t, d.path)
	if _, err := s.Create(t.Context(), newPeer("counter", 1)); err != nil {
		t.Fatal(err)
	}
	var cmds []*exec.Cmd
	for range processes {
		cmd, _ := process(t, "count "+d.path)
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a counting process: %v", err)
		}
	}
	r, err := s.Get(t.Context(), peerKey("counter"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Meta().Annotations["count"], strconv.Itoa(processes*increments); got != want {
		t.Errorf("%d processes counted to %s, want %s", processes, got, want)
	}
}
