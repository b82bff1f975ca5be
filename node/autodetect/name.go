package autodetect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// NameFile is where Calico's node keeps the name it was started with, so that
// it stays the same when the machine's own name changes. The environment
// variable CALICO_NODENAME_FILE names another one.
const NameFile = "/var/lib/calico/nodename"

// Sources are the places a node's name may come from, besides a flag. The
// functions are those of package os, or a test's.
type Sources struct {
	Getenv   func(string) string
	ReadFile func(string) ([]byte, error)
	Hostname func() (string, error)
}

// OS are the sources of the machine we run on.
var OS = Sources{Getenv: os.Getenv, ReadFile: os.ReadFile, Hostname: os.Hostname}

// NodeName returns the name of this node: the first there is of flag, NODENAME,
// NameFile, HOSTNAME and what the machine calls itself, the last two in lower
// case. It must be a DNS name (RFC 1123) to name a Node resource.
func NodeName(flag string, from Sources) (string, error) {
	name, source, err := nodeName(flag, from)
	if err != nil {
		return "", err
	}
	if len(name) > maxName || !dnsName.MatchString(name) {
		return "", fmt.Errorf("invalid node name '%s' from %s: use lower case letters, digits, '-' and '.', at most %d; choose another with --name", name, source, maxName)
	}
	return name, nil
}

// maxName is the length of the longest DNS name, in bytes (RFC 1035, 2.3.4).
const maxName = 253

var dnsName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// nodeName finds the name and where it comes from.
func nodeName(flag string, from Sources) (name, source string, err error) {
	if flag != "" {
		return flag, "--name", nil
	}
	if name := strings.TrimSpace(from.Getenv("NODENAME")); name != "" {
		return name, "NODENAME", nil
	}
	file := NameFile
	if f := from.Getenv("CALICO_NODENAME_FILE"); f != "" {
		file = f
	}
	text, err := from.ReadFile(file)
	// Without the right to read it we would take another name than last time.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("read the node's name: %w; choose one with --name", err)
	}
	if name := strings.TrimSpace(string(text)); name != "" {
		return name, file, nil
	}
	if name := machineName(from.Getenv("HOSTNAME")); name != "" {
		return name, "HOSTNAME", nil
	}
	host, err := from.Hostname()
	if err != nil || machineName(host) == "" {
		return "", "", errors.New("unable to determine node name; choose one with --name")
	}
	return machineName(host), "this machine's host name", nil
}

// machineName is a node's name made of a machine's, as Kubernetes does.
func machineName(host string) string { return strings.ToLower(strings.TrimSpace(host)) }
