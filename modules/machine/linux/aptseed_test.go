package linux

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCopyLists: apt's lists come over with their times, its lock and its fetches do
// not.
func TestCopyLists(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	at := time.Unix(1_700_000_000, 0)
	list := "deb.example.com_dists_stable_InRelease"
	must(t, os.WriteFile(filepath.Join(from, list), []byte("Codename: stable\n"), 0o644))
	must(t, os.Chtimes(filepath.Join(from, list), at, at))
	must(t, os.WriteFile(filepath.Join(from, "lock"), nil, 0o640))
	must(t, os.Mkdir(filepath.Join(from, "partial"), 0o700))
	must(t, copyLists(from, to))
	got, err := os.ReadDir(to)
	if err != nil || len(got) != 1 || got[0].Name() != list {
		t.Fatalf("copied %v, %v", got, err)
	}
	info, err := got[0].Info()
	text, _ := os.ReadFile(filepath.Join(to, list))
	if err != nil || !info.ModTime().Equal(at) || string(text) != "Codename: stable\n" {
		t.Errorf("%q of %v: %v", text, info.ModTime(), err)
	}
}

// TestCopyListsThatChange: lists of two updates are not taken for one.
func TestCopyListsThatChange(t *testing.T) {
	from := t.TempDir()
	replace := func() {
		for _, name := range []string{"a_InRelease", "a_Packages"} {
			temp := filepath.Join(from, "new")
			must(t, os.WriteFile(temp, []byte(strings.Repeat("x", 1<<20)), 0o644))
			must(t, os.Rename(temp, filepath.Join(from, name)))
		}
	}
	replace()
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-stop:
				return
			default:
				replace()
			}
		}
	}()
	defer func() { close(stop); <-over }()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if err := copyLists(from, t.TempDir()); err != nil && strings.Contains(err.Error(), "changes") {
			return
		}
	}
	t.Error("no copy was refused while the lists were replaced")
}

// TestSeedWithoutLists: a node without lists of its own gives no seed and no error, and
// lists that are there stay.
func TestSeedWithoutLists(t *testing.T) {
	a := &apt{dir: t.TempDir()}
	must(t, a.seedFrom(filepath.Join(t.TempDir(), "none")))
	if left, err := os.ReadDir(a.dir); err != nil || len(left) != 0 {
		t.Fatalf("left: %v, %v", left, err)
	}
	from := t.TempDir()
	must(t, os.WriteFile(filepath.Join(from, "a_InRelease"), []byte("one"), 0o644))
	must(t, a.seedFrom(from))
	must(t, os.WriteFile(filepath.Join(from, "a_InRelease"), []byte("two"), 0o644))
	must(t, a.seedFrom(from))
	if text, err := os.ReadFile(filepath.Join(a.dir, "lists", "a_InRelease")); err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
}
