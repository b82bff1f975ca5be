package wire

import "strconv"

// Words names a NOTIFICATION's code and subcode as the RFCs do:
// "Cease/Administrative Shutdown".
func Words(code, subcode uint8) string {
	w, ok := codeWords[code]
	if !ok {
		return "code " + strconv.Itoa(int(code)) + "/" + strconv.Itoa(int(subcode))
	}
	if s, ok := subcodeWords[[2]uint8{code, subcode}]; ok {
		return w + "/" + s
	}
	if subcode == 0 {
		return w
	}
	return w + "/subcode " + strconv.Itoa(int(subcode))
}

var codeWords = map[uint8]string{
	HeaderError:  "Message Header Error",
	OpenError:    "OPEN Message Error",
	UpdateError:  "UPDATE Message Error",
	HoldExpired:  "Hold Timer Expired",
	FSMError:     "Finite State Machine Error",
	Cease:        "Cease",
	RefreshError: "ROUTE-REFRESH Message Error",
	8:            "Send Hold Timer Expired", // RFC 9687
}

var subcodeWords = map[[2]uint8]string{
	{HeaderError, NotSynchronized}: "Connection Not Synchronized",
	{HeaderError, BadLength}:       "Bad Message Length",
	{HeaderError, BadType}:         "Bad Message Type",

	{OpenError, UnsupportedVersion}:    "Unsupported Version Number",
	{OpenError, BadPeerAS}:             "Bad Peer AS",
	{OpenError, BadIdentifier}:         "Bad BGP Identifier",
	{OpenError, UnsupportedParameter}:  "Unsupported Optional Parameter",
	{OpenError, 5}:                     "Authentication Failure", // deprecated, still sent by some
	{OpenError, UnacceptableHoldTime}:  "Unacceptable Hold Time",
	{OpenError, UnsupportedCapability}: "Unsupported Capability",
	{OpenError, 11}:                    "Role Mismatch", // RFC 9234

	{UpdateError, MalformedAttributes}: "Malformed Attribute List",
	{UpdateError, UnknownWellKnown}:    "Unrecognized Well-known Attribute",
	{UpdateError, MissingWellKnown}:    "Missing Well-known Attribute",
	{UpdateError, AttributeFlags}:      "Attribute Flags Error",
	{UpdateError, AttributeLength}:     "Attribute Length Error",
	{UpdateError, InvalidOrigin}:       "Invalid ORIGIN Attribute",
	{UpdateError, 7}:                   "AS Routing Loop", // deprecated
	{UpdateError, InvalidNextHop}:      "Invalid NEXT_HOP Attribute",
	{UpdateError, OptionalAttribute}:   "Optional Attribute Error",
	{UpdateError, InvalidNetwork}:      "Invalid Network Field",
	{UpdateError, MalformedASPath}:     "Malformed AS_PATH",

	{FSMError, UnexpectedInOpenSent}:    "Unexpected Message in OpenSent",
	{FSMError, UnexpectedInOpenConfirm}: "Unexpected Message in OpenConfirm",
	{FSMError, UnexpectedInEstablished}: "Unexpected Message in Established",

	{Cease, MaxPrefixes}:        "Maximum Number of Prefixes Reached",
	{Cease, AdminShutdown}:      "Administrative Shutdown",
	{Cease, Deconfigured}:       "Peer De-configured",
	{Cease, AdminReset}:         "Administrative Reset",
	{Cease, ConnectionRejected}: "Connection Rejected",
	{Cease, ConfigChange}:       "Other Configuration Change",
	{Cease, Collision}:          "Connection Collision Resolution",
	{Cease, OutOfResources}:     "Out of Resources",
	{Cease, HardReset}:          "Hard Reset",
	{Cease, BFDDown}:            "BFD Down",

	{RefreshError, InvalidRefreshLength}: "Invalid Message Length",
}
