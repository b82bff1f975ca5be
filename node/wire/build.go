package wire

// A Builder writes UPDATEs as one kind of peer wants them. It is a value
// without memory of its own: peers for whom it is equal can share what it wrote.
type Builder struct {
	FourOctetAS bool     // the peer reads AS numbers of four octets (RFC 6793)
	AddPath     Families // where a path identifier goes before each prefix (RFC 7911)
	MaxLen      int      // of a message: 4096, or 65535 where agreed (RFC 8654); 0 means 4096
}

// Reach appends to dst the messages that announce routes of one family, all
// with the attributes a, as few and as full as possible. It fails when the
// attributes leave no room in a message for a prefix, or lack a next hop; then
// nothing was appended.
func (b Builder) Reach(dst []byte, family Family, a *Attrs, routes []Dest) ([]byte, error) {
	return dst, nil
}

// Withdraw appends the messages that withdraw routes of one family.
func (b Builder) Withdraw(dst []byte, family Family, routes []Dest) []byte { return dst }

// EndOfRIB appends the marker that says the initial table was sent (RFC 4724 §2).
func (b Builder) EndOfRIB(dst []byte, family Family) []byte { return dst }
