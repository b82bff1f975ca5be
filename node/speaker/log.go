package speaker

import (
	"context"
	"log/slog"
	"net/netip"
)

// A tap is GoBGP's logger. Most of what GoBGP logs is its inner life and goes
// to debug or nowhere: the speaker logs what changed in the world itself. A
// few lines are the only place where GoBGP says something at all; those are
// read, by their text, and handed to note. What is not recognized is only not
// known: no line decides more than a word in `node status`, but for "failed to
// set md5", which a test holds to its text.
type tap struct {
	out  slog.Handler
	note func(peer netip.Addr, text string, attrs map[string]slog.Value)
	peer netip.Addr
}

// overheard are the lines that note gets.
var overheard = map[string]bool{
	"failed to set md5":  true, // Key, Err: AddPeer itself reports no error
	"sent notification":  true, // Code, Subcode
	"hold timer expired": true, // under graceful restart the event only says "graceful restart"
}

func newTap(log *slog.Logger, note func(netip.Addr, string, map[string]slog.Value)) *slog.Logger {
	return slog.New(&tap{out: log.Handler(), note: note})
}

// Enabled is false for GoBGP's debug lines, which come by the prefix.
func (t *tap) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle notes what is worth knowing and passes the line on, toned down.
func (t *tap) Handle(ctx context.Context, r slog.Record) error {
	if overheard[r.Message] {
		peer, attrs := t.peer, map[string]slog.Value{}
		r.Attrs(func(a slog.Attr) bool {
			attrs[a.Key] = a.Value
			if a.Key == "Key" {
				peer, _ = netip.ParseAddr(a.Value.String())
			}
			return true
		})
		t.note(peer, r.Message, attrs)
	}
	level := slog.LevelDebug
	if r.Level >= slog.LevelError {
		level = slog.LevelWarn
	}
	if !t.out.Enabled(ctx, level) {
		return nil
	}
	toned := slog.NewRecord(r.Time, level, "gobgp: "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		toned.AddAttrs(a)
		return true
	})
	return t.out.Handle(ctx, toned)
}

// WithAttrs keeps in mind which peer the lines will be about.
func (t *tap) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *t
	for _, a := range attrs {
		if a.Key == "Key" {
			c.peer, _ = netip.ParseAddr(a.Value.String())
		}
	}
	c.out = t.out.WithAttrs(attrs)
	return &c
}

// WithGroup is part of slog.Handler.
func (t *tap) WithGroup(name string) slog.Handler {
	c := *t
	c.out = t.out.WithGroup(name)
	return &c
}
