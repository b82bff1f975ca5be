package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// garbagePercent is how much garbage there may be beside what is in use.
	// Tables have no pointers, so collecting costs little: a million routes take
	// 0.3 s more of CPU time than with Go's 100, none of it the kernel's writer
	// waits for.
	garbagePercent = 25
	// garbageAnyway is how much there may be in any case: a process that has
	// little in use and reads a thousand resources would collect all the time.
	garbageAnyway = 4 << 20
)

// limitGarbage sets how much garbage there may be, anew after each collection.
func limitGarbage() {
	inUse := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	percent := 0
	var set func()
	set = func() {
		metrics.Read(inUse)
		now := max(garbagePercent, int(100*garbageAnyway/max(1<<20, inUse[0].Value.Uint64())))
		if now != percent { // setting it stops the world for a moment
			debug.SetGCPercent(now)
			percent = now
		}
		// Nobody uses the object, so the next collection comes here again.
		runtime.AddCleanup(new([16]byte), func(int) { set() }, 0)
	}
	set()
}
