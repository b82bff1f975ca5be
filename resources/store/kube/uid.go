package kube

import (
	"encoding/hex"
	"math/bits"
	"strings"
)

// calicoUID is the uid that Calico shows for an object of crd.projectcalico.org/v1 whose
// own uid is given: each byte has its bits reversed, but those with the version and
// the variant of a UUID. It is its own inverse. What is no UUID stays as it is.
func calicoUID(uid string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(uid, "-", ""))
	if err != nil || len(raw) != 16 || len(uid) != 36 {
		return uid
	}
	for i := range raw {
		if i != 6 && i != 8 {
			raw[i] = bits.Reverse8(raw[i])
		}
	}
	text := hex.EncodeToString(raw)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
