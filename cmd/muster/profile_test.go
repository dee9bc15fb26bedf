package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestProfile: with MUSTER_PROFILE a command leaves both profiles and says nothing of
// it; where they cannot be written it says so and ends as it would have.
func TestProfile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	t.Setenv(profileEnv, dir)
	var out, errOut bytes.Buffer
	if code := execute([]string{"version"}, nil, &out, &errOut); code != 0 || errOut.Len() > 0 {
		t.Fatalf("exit %d: %s", code, &errOut)
	}
	for _, name := range []string{"cpu.pprof", "allocs.pprof"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) { // gzip, as pprof reads it
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
	}
	t.Setenv(profileEnv, filepath.Join(dir, "cpu.pprof", "below a file"))
	if code := execute([]string{"version"}, nil, &out, &errOut); code != 0 || !bytes.Contains(errOut.Bytes(), []byte(profileEnv)) {
		t.Errorf("exit %d: %q", code, &errOut)
	}
}
