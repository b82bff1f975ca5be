package resources

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Duration is a time span written as in Go: "120s", "2m0s".
type Duration struct{ time.Duration }

// MarshalJSON writes the span as Go does: 120s becomes "2m0s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.Duration.String()) }

// UnmarshalJSON reads a span with its units. A bare number is refused: nobody
// could tell whether it means seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("%s is no duration; write it with its unit, such as 120s or 2m", b)
	}
	span, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%w; write it with its unit, such as 120s or 2m", err)
	}
	d.Duration = span
	return nil
}
