package wire

// A Refresh asks for a family's routes again (RFC 2918), or marks where the
// answer begins and ends (RFC 7313).
type Refresh struct {
	Family  Family
	Subtype uint8 // others than those below are to be ignored (RFC 7313 §5)
}

// The subtypes of a ROUTE-REFRESH.
const (
	RefreshRequest uint8 = 0
	RefreshBegin   uint8 = 1 // BoRR
	RefreshEnd     uint8 = 2 // EoRR
)

// DecodeRefresh reads the body of a ROUTE-REFRESH. One with an outbound filter
// behind it (RFC 5291) is read as if it had none: we never agree to those.
func DecodeRefresh(body []byte) (Refresh, *Error) {
	if len(body) < 4 {
		return Refresh{}, badLength(headerLen+len(body), "a ROUTE-REFRESH has at least 23 octets")
	}
	r := Refresh{NewFamily(be16(body), body[3]), body[2]}
	if len(body) != 4 && (r.Subtype == RefreshBegin || r.Subtype == RefreshEnd) {
		whole := finish(append(begin(nil, TypeRefresh), body...), 0)
		return Refresh{}, errorf(RefreshError, InvalidRefreshLength, whole, "%d octets, not 4 (RFC 7313 §5)", len(body))
	}
	return r, nil
}

// AppendRefresh appends a ROUTE-REFRESH.
func AppendRefresh(dst []byte, r Refresh) []byte {
	at := len(dst)
	return finish(append(begin(dst, TypeRefresh), byte(r.Family.AFI()>>8), byte(r.Family.AFI()), r.Subtype, r.Family.SAFI()), at)
}
