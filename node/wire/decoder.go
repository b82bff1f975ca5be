package wire

// A Decoder reads the UPDATEs of one session. It remembers the attributes it
// has seen, so that most messages cost no attribute parsing; it is for one
// goroutine.
type Decoder struct {
	rules Rules
	table *Table
	// The lists of the Update that is being made, reused.
	withdrawn []NLRI
	reach     []Reach
	notes     []Note
}

// NewDecoder makes a decoder for a session, whose attributes are interned in table.
func NewDecoder(rules Rules, table *Table) *Decoder { return &Decoder{rules: rules, table: table} }

// Decode reads the body of an UPDATE: what follows the header. An error resets
// the session; everything milder is in the Update's verdict.
func (d *Decoder) Decode(body []byte) (Update, *Error) {
	return Update{}, nil
}
