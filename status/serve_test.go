package status

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var sample = Report{
	Node: "r1", Version: "v0.1.0", PID: 42, Started: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC),
	ASNumber: 64512, RouterID: "192.168.1.1",
	Datastore: Datastore{Location: "/var/lib/calctl"},
	Peers: []Peer{{
		Name: "r2", Type: Global, Address: netip.MustParseAddr("192.168.1.2"), Port: 179, ASNumber: 64513,
		State: StateUp, BGPState: "Established", Since: time.Date(2026, 8, 1, 10, 11, 12, 0, time.UTC), RoutesIn: 1,
	}},
	Routes:   Routes{Wanted: 1, Installed: 1},
	Problems: []Problem{{Subject: "BGPPeer(x)", Text: "no such node"}},
}

// serve runs a node that always says r, and gives its socket.
func serve(t *testing.T, r Report) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, func() Report { return r }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket outlives the node: %v", err)
		}
	})
	return path
}

func TestReport(t *testing.T) {
	got, err := Client{Socket: serve(t, sample)}.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyListsAreNotNull(t *testing.T) {
	recorder := httptest.NewRecorder()
	Handler(func() Report { return Report{} }).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, Path, nil))
	var fields map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"peers", "problems"} {
		if _, ok := fields[name].([]any); !ok {
			t.Errorf("%s is %v, want []", name, fields[name])
		}
	}
}

func TestHandlerRefusals(t *testing.T) {
	for _, test := range []struct {
		method, path string
		code         int
		want         string
	}{
		{http.MethodPost, Path, http.StatusMethodNotAllowed, "POST is not possible here, only GET"},
		{http.MethodDelete, Path, http.StatusMethodNotAllowed, "DELETE is not possible here, only GET"},
		{http.MethodGet, "/", http.StatusNotFound, "there is nothing at this path; try /v1/status"},
		{http.MethodGet, "/v2/status", http.StatusNotFound, "there is nothing at this path; try /v1/status"},
		{http.MethodGet, Path + "/x", http.StatusNotFound, "there is nothing at this path; try /v1/status"},
	} {
		recorder := httptest.NewRecorder()
		Handler(func() Report { return sample }).ServeHTTP(recorder, httptest.NewRequest(test.method, test.path, nil))
		var got refusal
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
			t.Errorf("%s %s: the answer is no JSON: %v", test.method, test.path, err)
		}
		if recorder.Code != test.code || got.Error != test.want {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.path, recorder.Code, got.Error, test.code, test.want)
		}
	}
}

// A time JSON can't say must not end the connection without a word.
func TestReportThatIsNoJSON(t *testing.T) {
	recorder := httptest.NewRecorder()
	broken := Report{Started: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}
	Handler(func() Report { return broken }).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, Path, nil))
	if recorder.Code != http.StatusInternalServerError || !json.Valid(recorder.Body.Bytes()) {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestHostileClients(t *testing.T) {
	path := serve(t, sample)
	for range connections - 1 { // all but one say nothing at all
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	if _, err := (Client{Socket: path}).Report(t.Context()); err != nil {
		t.Errorf("beside silent clients: %v", err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// The server may hang up while we are still talking: that is fine too.
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", Path, strings.Repeat("x", 64<<10))
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.Contains(answer, "431") {
		t.Errorf("64 kB of header: got %q, want status 431", answer)
	}
	if _, err := (Client{Socket: path}).Report(t.Context()); err != nil {
		t.Errorf("after a long header: %v", err)
	}
}

func TestLimit(t *testing.T) {
	raw, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	l := limit(raw, 1)
	dial := func() {
		conn, err := net.Dial("unix", raw.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	dial()
	dial()
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_ = conn.Close()
			_ = conn.Close() // twice frees one slot only
		}
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("a second Accept returned (%v) beside the first connection", err)
	default:
	}
	_ = first.Close()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	// A server that is full can still be stopped.
	dial()
	if _, err := l.Accept(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := l.Accept()
		second <- err
	}()
	_ = l.Close()
	if err := <-second; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}

// stub answers every connection at a socket with the same bytes.
func stub(t *testing.T, answer string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if answer == "" {
				t.Cleanup(func() { _ = conn.Close() }) // silence
				continue
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return path
}

func response(code int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", code, len(body), body)
}

func TestClientMeetsAnotherVersion(t *testing.T) {
	got, err := Client{Socket: stub(t, response(200, `{"node":"r1","tomorrow":{"a":[1]},"peers":[{"address":"192.0.2.1","hue":7}]}`))}.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Node != "r1" || len(got.Peers) != 1 || got.Problems == nil {
		t.Errorf("got %+v", got)
	}
}

func TestClientErrors(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, "dead")
	dead(t, gone)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "none")
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, test := range []struct {
		name, socket, want string
		ctx                context.Context
		is                 error
	}{
		{name: "no socket", socket: missing, want: "no daemon answers at " + missing, is: ErrNotRunning},
		{name: "dead socket", socket: gone, want: "no daemon answers at " + gone, is: ErrNotRunning},
		{name: "regular file", socket: file, want: file + " is a regular file, not the socket of a node"},
		{name: "folder", socket: dir, want: dir + " is a folder, not the socket of a node"},
		{name: "path too long", socket: "/" + strings.Repeat("x", 107), want: "the path is 108 bytes long, the kernel takes at most 107"},
		{name: "silence", socket: stub(t, ""), ctx: short, want: "is there but does not answer in time", is: context.DeadlineExceeded},
		{name: "another program", socket: stub(t, "220 mail ready\r\n"), want: "malformed HTTP"},
		{name: "no JSON", socket: stub(t, response(200, "hello")), want: "is no calctl: invalid character"},
		{name: "an error", socket: stub(t, response(404, `{"error":"try /v9"}`)), want: "the answer to GET /v1/status is 404: try /v9"},
		{name: "an error without words", socket: stub(t, response(503, ``)), want: "is 503: Service Unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.ctx == nil {
				test.ctx = t.Context()
			}
			_, err := Client{Socket: test.socket}.Report(test.ctx)
			if err == nil {
				t.Fatal("Report succeeded")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant …%s…", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
			if !errors.Is(test.is, ErrNotRunning) && errors.Is(err, ErrNotRunning) {
				t.Errorf("%v is ErrNotRunning", err)
			}
		})
	}
}
