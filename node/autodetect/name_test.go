package autodetect

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestNodeName(t *testing.T) {
	const dns = "use lower case letters, digits, '-' and '.', at most 253; choose another with --name"
	for _, test := range []struct {
		name     string
		flag     string
		env      map[string]string
		files    map[string]string
		hostname string
		want     string // or the error
	}{
		{name: "the flag wins", flag: "f", env: map[string]string{"NODENAME": "e", "HOSTNAME": "h"}, files: map[string]string{NameFile: "file"}, want: "f"},
		{name: "then NODENAME", env: map[string]string{"NODENAME": " e\n", "HOSTNAME": "h"}, files: map[string]string{NameFile: "file"}, want: "e"},
		{name: "then the file", env: map[string]string{"HOSTNAME": "h"}, files: map[string]string{NameFile: "file\n"}, want: "file"},
		{name: "another file", env: map[string]string{"CALICO_NODENAME_FILE": "/n"}, files: map[string]string{NameFile: "file", "/n": "other"}, want: "other"},
		{name: "an empty file says nothing", env: map[string]string{"HOSTNAME": "h"}, files: map[string]string{NameFile: " \n"}, want: "h"},
		{name: "then HOSTNAME, in lower case", env: map[string]string{"HOSTNAME": " Rack1.Example "}, hostname: "x", want: "rack1.example"},
		{name: "then the machine's name, in lower case", hostname: "Rack1", want: "rack1"},
		{name: "nothing at all", want: "unable to determine node name; choose one with --name"},
		{name: "NODENAME is taken as it is", env: map[string]string{"NODENAME": "Rack1"}, want: "invalid node name 'Rack1' from NODENAME: " + dns},
		{name: "a host name that is no DNS name", hostname: "my_host", want: "invalid node name 'my_host' from this machine's host name: " + dns},
		{name: "a flag with a blank", flag: "node 2", want: "invalid node name 'node 2' from --name: " + dns},
		{name: "a flag that would leave the folder", flag: "../x", want: "invalid node name '../x' from --name: " + dns},
		{name: "a name with an empty label", flag: "a..b", want: "invalid node name 'a..b' from --name: " + dns},
		{name: "the longest name", flag: strings.Repeat("a", 253), want: strings.Repeat("a", 253)},
		{name: "a name too long", flag: strings.Repeat("a", 254), want: "invalid node name '" + strings.Repeat("a", 254) + "' from --name: " + dns},
		{name: "a file we must not read", files: map[string]string{NameFile: "denied"}, hostname: "h", want: "read the node's name: permission denied; choose one with --name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := NodeName(test.flag, Sources{
				Getenv: func(key string) string { return test.env[key] },
				ReadFile: func(file string) ([]byte, error) {
					switch text, ok := test.files[file]; {
					case !ok:
						return nil, fs.ErrNotExist
					case text == "denied":
						return nil, fs.ErrPermission
					default:
						return []byte(text), nil
					}
				},
				Hostname: func() (string, error) {
					if test.hostname == "" {
						return "", errors.New("no name")
					}
					return test.hostname, nil
				},
			})
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
