package resources

import "time"

// A Duration is a time span written as in Go: "120s", "2m0s".
type Duration struct{ time.Duration }
