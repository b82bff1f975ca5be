package intent

import (
	"errors"
	"fmt"

	"github.com/calctl/calctl/resources"
)

// maxPassword is the longest key TCP MD5 takes, in bytes (TCP_MD5SIG_MAXKEYLEN in linux/tcp.h).
const maxPassword = 80

var errNoReference = errors.New("has no secretKeyRef; name a secret and a key, or remove it")

// password finds what a reference points at. No reference gives no password;
// one that leads nowhere, or to a password which would protect nothing, is an
// error even where secretKeyRef.optional is set: whoever asks for a password
// does not want a session without.
func (d *derivation) password(ref *resources.BGPPassword) (resources.Password, error) {
	if ref == nil {
		return resources.Password{}, nil
	}
	if ref.SecretKeyRef == nil {
		return resources.Password{}, errNoReference
	}
	p, err := d.snap.Password(*ref.SecretKeyRef)
	if err != nil {
		return resources.Password{}, err
	}
	at := ref.SecretKeyRef
	switch n := len(p.Reveal()); {
	case n == 0:
		return resources.Password{}, fmt.Errorf("key '%s' of Secret(%s) is empty", at.Key, at.Name)
	case n > maxPassword:
		return resources.Password{}, fmt.Errorf("key '%s' of Secret(%s) has %d bytes, TCP MD5 takes at most %d", at.Key, at.Name, n, maxPassword)
	}
	return p, nil
}
