package intent

import (
	"log/slog"
	"strings"

	"github.com/calctl/calctl/resources"
)

// LogLevel is the least severe level that a node logs, by logSeverityScreen of its
// own BGPConfiguration, else of the cluster's, else Info. Calico's Trace is Debug
// here, and its Fatal is Error.
func LogLevel(snap *resources.Snapshot, node string) slog.Level {
	word := globalConfig(snap).LogSeverityScreen
	if own := snap.Configs[perNode+node]; own != nil && own.Spec.LogSeverityScreen != "" {
		word = own.Spec.LogSeverityScreen
	}
	switch strings.ToLower(word) {
	case "trace", "debug":
		return slog.LevelDebug
	case "warning":
		return slog.LevelWarn
	case "error", "fatal":
		return slog.LevelError
	}
	return slog.LevelInfo
}
