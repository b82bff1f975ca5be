package resources

// An ASN is an autonomous system number (RFC 6793: 0 to 4294967295). Files may
// write it as a number, as a string, or in dotted notation "1.10" (RFC 5396);
// it is stored and printed as a number.
type ASN uint32
