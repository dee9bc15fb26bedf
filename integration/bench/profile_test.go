package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestMeasuredMemory: what a run is said to have used is its own, however much this
// process had before.
func TestMeasuredMemory(t *testing.T) {
	const mine = 200 << 20
	ballast := make([]byte, mine)
	for i := range ballast {
		ballast[i] = 1
	}
	runtime.KeepAlive(ballast)
	ballast = nil
	small := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(small, []byte("#!/bin/sh\necho said\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := options{muster: small}.measured(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if p.MB <= 0 || p.MB > mine/4>>20 || p.Stdout != "said\n" || p.Seconds <= 0 {
		t.Errorf("%+v", p)
	}
}
