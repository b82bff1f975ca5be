package session

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A quota lets so many lines of a kind into the log in a minute, and counts the
// others: nobody out there shall be able to fill the disk.
type quota struct {
	lines int

	mu    sync.Mutex
	since time.Time // when the minute began
	said  int       // in this minute
	left  int       // left out since the last line
}

// The quotas: what one peer does wrong, and who else knocks.
const (
	linesOfPeer      = 10
	linesOfStrangers = 1
)

// log writes a line if one may go, with the number of those before it that
// might not.
func (q *quota) log(to *slog.Logger, level slog.Level, words string, args ...any) {
	left, ok := q.ask()
	if !ok {
		return
	}
	if left > 0 {
		args = append(args, "left_out", left)
	}
	to.Log(context.Background(), level, words, args...)
}

func (q *quota) ask() (left int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); q.since.IsZero() || now.Sub(q.since) >= time.Minute {
		q.since, q.said = now, 0
	}
	if q.said == q.lines {
		q.left++
		return 0, false
	}
	q.said++
	left, q.left = q.left, 0
	return left, true
}
