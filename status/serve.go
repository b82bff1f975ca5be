package status

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Path is where a Report is found, below the socket.
const Path = "/v1/status"

// What one client may cost. A question is a few hundred bytes and its answer is
// read by a program, so these are far more than an honest client needs.
const (
	requestTime    = 5 * time.Second  // to say what it wants
	answerTime     = 10 * time.Second // to have read the answer
	requestHeaders = 8 << 10          // bytes
	connections    = 64               // at once; further ones wait in the kernel
	farewellTime   = time.Second      // for answers under way when the node stops
)

// Serve answers requests on l with what report returns, until ctx is done; then
// it closes l and returns nil. report is called once for every request, from
// many goroutines at once, and must not block for long.
func Serve(ctx context.Context, l net.Listener, report func() Report) error {
	server := &http.Server{
		Handler:           Handler(report),
		ReadHeaderTimeout: requestTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      answerTime,
		MaxHeaderBytes:    requestHeaders,
		// What clients do wrong is their business and no news for the node's log.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	// A connection is one question: connecting anew costs nothing on a unix
	// socket, and idle connections would use up the ones we allow.
	server.SetKeepAlivesEnabled(false)

	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
		defer cancel()
		if server.Shutdown(farewell) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(limit(l, connections))
	if stop() {
		_ = server.Close() // the listener failed while we wanted it
		return err
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Handler is the HTTP side of Serve, for whoever has a server of their own.
func Handler(report func() Report) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, refusal{r.Method + " is not possible here, only GET"})
			return
		}
		answer(w, http.StatusOK, filled(report()))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, refusal{"there is nothing at this path; try " + Path})
	})
	return mux
}

// refusal is the answer to a question that can't be answered.
type refusal struct {
	Error string `json:"error"`
}

// filled makes empty lists of absent ones: scripts should meet [] and not null.
func filled(r Report) Report {
	if r.Peers == nil {
		r.Peers = []Peer{}
	}
	if r.Problems == nil {
		r.Problems = []Problem{}
	}
	return r
}

func answer(w http.ResponseWriter, code int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		// A time outside the years 0 to 9999 is all that JSON can't say.
		code, text = http.StatusInternalServerError, []byte(`{"error": "the report cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the client went away: its loss
}

// limit lets at most n connections of l live at once.
func limit(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &slot{Conn: conn, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// slot is a connection that makes room for the next one when it is closed.
type slot struct {
	net.Conn
	free func()
}

func (s *slot) Close() error {
	defer s.free()
	return s.Conn.Close()
}
