package wire

// A Notification is why a peer ended the session (RFC 4271 §4.5).
type Notification struct {
	Code, Subcode uint8
	Data          []byte
}
