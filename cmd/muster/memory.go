package main

import (
	"os"
	"runtime/debug"
)

// garbage is how much garbage may pile up before it is collected, in per cent of what is
// in use. A plan of a large fleet fills memory that it keeps to the end: at Go's own 100
// a fifth of the time goes into looking at it again and again. GOGC, where it is set,
// wins.
const garbage = 150

func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}
