package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// What can keep a Client from getting a Report.
var (
	// ErrNotRunning: there is no socket, or nobody listens on it.
	ErrNotRunning = errors.New("no daemon answers")
	// ErrPermission: the file system does not let this user ask.
	ErrPermission = errors.New("permission denied")
)

// patience is how long a Client waits for the whole answer, unless its context
// is less patient.
const patience = 5 * time.Second

// answerLimit is the size, in bytes, of the largest answer a Client reads:
// some hundred times that of a node with a thousand peers.
const answerLimit = 64 << 20

// A Client asks the node that listens on Socket.
type Client struct {
	Socket string // path of the unix socket
}

// Report asks the node for its report. Fields this version does not know are
// ignored, those an older node does not send are zero. It fails with
// ErrNotRunning when nobody is there and with ErrPermission, naming who may
// ask, when the socket's mode forbids it. It waits five seconds at most.
func (c Client) Report(ctx context.Context) (Report, error) {
	if err := checkSocketPath(c.Socket); err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, err := c.get(ctx, Path)
	if err != nil {
		return Report{}, c.explain(err)
	}
	var r Report
	if err := json.Unmarshal(body, &r); err != nil {
		return Report{}, fmt.Errorf("what answers at %s is no calctl: %w", c.Socket, err)
	}
	return filled(r), nil
}

func (c Client) get(ctx context.Context, path string) ([]byte, error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://calctl"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		var why refusal
		if json.Unmarshal(body, &why) != nil || why.Error == "" {
			why.Error = http.StatusText(response.StatusCode)
		}
		return nil, fmt.Errorf("the answer to GET %s is %d: %s", path, response.StatusCode, why.Error)
	}
	return body, nil
}

// explain turns what the kernel says into what its reader can do about it.
func (c Client) explain(err error) error {
	switch {
	case errors.Is(err, syscall.EACCES):
		return c.forbidden()
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w at %s", ErrNotRunning, c.Socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		// The kernel also refuses to connect to what is no socket at all.
		if file, statErr := os.Stat(c.Socket); statErr == nil && file.Mode().Type() != os.ModeSocket {
			return fmt.Errorf("%s is %s, not the socket of a node", c.Socket, fileType(file.Mode()))
		}
		return fmt.Errorf("%w at %s", ErrNotRunning, c.Socket)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the daemon at %s is there but does not answer in time: %w", c.Socket, context.DeadlineExceeded)
	default:
		return fmt.Errorf("asking the daemon at %s: %w", c.Socket, err)
	}
}

// forbidden names the group whose members may ask.
func (c Client) forbidden() error {
	file, err := os.Stat(c.Socket)
	if err != nil {
		// Not even the socket can be seen: a folder on the way is closed.
		return fmt.Errorf("%w: the folder %s is closed to this user; run as root or open it to the socket's group", ErrPermission, filepath.Dir(c.Socket))
	}
	group := "the socket's group"
	if sys, ok := file.Sys().(*syscall.Stat_t); ok {
		group = "group '" + groupName(sys.Gid) + "'"
	}
	return fmt.Errorf("%w: %s answers root and members of %s only; run as root or join that group", ErrPermission, c.Socket, group)
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
