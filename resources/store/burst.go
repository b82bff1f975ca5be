package store

import "time"

const (
	// Quiet is how long nothing must happen for a burst of changes to be over,
	// longestBurst how long one may keep a Watch waiting.
	Quiet        = 20 * time.Millisecond
	longestBurst = 200 * time.Millisecond
)

// Settling is how long a Watch that has just seen a change still waits for more,
// before it tells of a burst that began then.
func Settling(began time.Time) time.Duration {
	return max(0, min(Quiet, longestBurst-time.Since(began)))
}
