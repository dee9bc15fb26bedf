package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// profileEnv names the folder that a process's profiles go to; see CONTRIBUTING.md.
const profileEnv = "MUSTER_PROFILE"

// profile begins a processor profile in dir, which it makes; stop ends it and adds
// all allocations since the start of the process. Without a folder nothing is done,
// and what cannot be written is said: no command fails for its profile.
func profile(dir string, errOut io.Writer) (stop func()) {
	if dir == "" {
		return func() {}
	}
	say := func(err error) {
		if err != nil {
			fmt.Fprintf(errOut, "muster: %s: %v\n", profileEnv, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		say(err)
		return func() {}
	}
	cpu, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(cpu)
	}
	say(err)
	return func() {
		pprof.StopCPUProfile()
		say(cpu.Close())
		say(writeAllocs(filepath.Join(dir, "allocs.pprof")))
	}
}

func writeAllocs(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	runtime.GC() // what is in use is as of the last collection
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
