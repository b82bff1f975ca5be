package dir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/calctl/calctl/resources"
)

const (
	extension = ".yaml"
	// temporary is where a writer prepares a file. One name per folder is
	// enough, since there is one writer at a time.
	temporary = ".calctl.tmp"
	lockFile  = ".lock"
	// largest is the size of a file nobody has written by hand, in bytes.
	largest = 16 << 20
	// longest is the length of a name whose file name the kernel accepts.
	longest = 255 - len(extension)
)

// wellFormed are the names Calico allows (DNS-1123 subdomains), give or take a
// dot: none of them leaves the folder or is hidden.
var wellFormed = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// checkName says why a resource can't have a file, or nil.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("resource name may not be empty")
	case len(name) > longest:
		return fmt.Errorf("name is %d characters long: a folder keeps names of up to %d", len(name), longest)
	case !wellFormed.MatchString(name):
		return fmt.Errorf("name '%s' can't be a file name: use lower case letters, digits, '-' and '.'", name)
	}
	return nil
}

// keyOf returns the key a file of this kind's folder stands for. It is false
// for what is not ours: hidden files, backups of editors, READMEs. Files that
// end in .yml or .json look like ours and get a key, so that they are reported.
func keyOf(kind resources.Kind, file string) (resources.Key, bool) {
	if strings.HasPrefix(file, ".") || strings.HasPrefix(file, "#") {
		return resources.Key{}, false
	}
	for _, end := range []string{extension, ".yml", ".json"} {
		if name, ok := strings.CutSuffix(file, end); ok {
			return resources.Key{Kind: kind, Name: name}, true
		}
	}
	return resources.Key{}, false
}

// read returns the resource of a file, or what is wrong with it. Errors do not
// name the file.
func read(file string, key resources.Key) (resources.Resource, error) {
	data, _, err := load(file)
	if err != nil {
		return nil, err
	}
	return parse(data, file, key)
}

// load reads a regular file of a sensible size, and says what it was like just
// before. The file is opened without waiting: it could be a pipe.
func load(file string) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, bare(err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("is not a file: remove it")
	}
	data, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return nil, nil, bare(err)
	}
	if len(data) > largest {
		return nil, nil, fmt.Errorf("is larger than %d MiB: remove it", largest>>20)
	}
	return data, info, nil
}

// bare takes the file name out of an error: it is told beside the error.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// parse makes a resource of the bytes of a file, neither defaulted nor
// validated, with the version the bytes stand for.
func parse(data []byte, file string, key resources.Key) (resources.Resource, error) {
	if !strings.HasSuffix(file, extension) {
		return nil, fmt.Errorf("is not read: rename it to %s", key.Name+extension)
	}
	if err := checkName(key.Name); err != nil {
		return nil, err
	}
	docs, err := resources.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 {
		return nil, errors.New("is empty: write the resource into it or remove it")
	}
	if len(docs) > 1 {
		return nil, fmt.Errorf("holds %d resources: keep each in a file of its own", len(docs))
	}
	r := docs[0].Resource
	got := resources.KeyOf(r)
	if got.Kind != key.Kind {
		return nil, fmt.Errorf("holds a %s in the folder of %ss: move it to %s", got.Kind, key.Kind, resources.TypeOf(got.Kind).Plural)
	}
	if got.Name != key.Name {
		return nil, fmt.Errorf("holds %s: rename the file to %s, or set metadata.name to %s", got, got.Name+extension, key.Name)
	}
	r.Meta().ResourceVersion = versionOf(data)
	return r, nil
}

// versionOf is the version of a file with this content: 64 bits of a hash are
// plenty to tell two states of one file apart.
func versionOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// render writes r as its file has it: without a version. r must be the caller's own.
func render(r resources.Resource) ([]byte, error) {
	version := &r.Meta().ResourceVersion
	defer func(v string) { *version = v }(*version)
	*version = ""
	var b bytes.Buffer
	err := resources.Encode(&b, r)
	return b.Bytes(), err
}
