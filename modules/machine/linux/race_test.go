package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

const (
	raceRounds = 10_000
	// raceTime ends a race early on a slow machine; raceLeast is how many rounds, and
	// turns of the attacker, it must have had.
	raceTime  = 2 * time.Second
	raceLeast = 500
	// attackerID is nobody's; as another user than root the test races with itself.
	attackerID = 65534
)

// prize is what an attacker wants changed: files of root outside of his folder, and
// what he must not read.
type prize struct {
	path string
	was  unix.Stat_t
	text string
}

func prizes(t *testing.T, s *Store) (list []prize) {
	t.Helper()
	must(t, os.MkdirAll(s.in("/etc/conf.d"), 0o755))
	for _, name := range []string{"/etc/victim", "/etc/conf.d/victim"} {
		must(t, os.WriteFile(s.in(name), []byte("root's own\n"), 0o644))
	}
	for _, name := range []string{"/etc/victim", "/etc/conf.d/victim", "/etc/conf.d", "/etc"} {
		p := prize{path: s.in(name)}
		must(t, unix.Lstat(p.path, &p.was))
		if p.was.Mode&unix.S_IFMT == unix.S_IFREG {
			p.text = "root's own\n"
		}
		list = append(list, p)
	}
	return list
}

// lost says what of a prize is not as it was, "" if all is.
func (p prize) lost() string {
	var st unix.Stat_t
	if err := unix.Lstat(p.path, &st); err != nil {
		return err.Error()
	}
	text, _ := os.ReadFile(p.path) // a folder has none
	if st.Ino != p.was.Ino || st.Mode != p.was.Mode || st.Uid != p.was.Uid || st.Gid != p.was.Gid || string(text) != p.text {
		return fmt.Sprintf("inode %d, mode %o, owner %d:%d, %q", st.Ino, st.Mode, st.Uid, st.Gid, text)
	}
	return ""
}

// asAttacker runs f again and again on a thread of another user until the test's
// race is over, and counts.
func asAttacker(t *testing.T, over *atomic.Bool, wg *sync.WaitGroup, f func()) *atomic.Int64 {
	t.Helper()
	turns := &atomic.Int64{}
	ready := make(chan error)
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			for _, id := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
				if _, _, errno := unix.RawSyscall(id, attackerID, attackerID, attackerID); errno != 0 {
					ready <- errno
					return
				}
			}
		}
		ready <- nil
		for !over.Load() {
			f()
			turns.Add(1)
		}
	})
	must(t, <-ready)
	return turns
}

// TestRacer: in a folder of an unprivileged user, who swaps whatever root is about to
// write for a way to root's files, root's files stay as they are.
func TestRacer(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			race(t, a)
		})
	}
}

func race(t *testing.T, a attack) {
	s, home := raceField(t)
	list := prizes(t, s)
	var over atomic.Bool
	var wg sync.WaitGroup
	turns := asAttacker(t, &over, &wg, func() {
		for _, move := range a.moves {
			_ = move(home)
		}
	})
	defer func() {
		over.Store(true)
		wg.Wait()
	}()
	rounds, refused, end := 0, 0, time.Now().Add(raceTime)
	enough := func() bool {
		raced := rounds >= raceLeast && turns.Load() >= raceLeast
		return raced && (rounds >= raceRounds || time.Now().After(end))
	}
	for ; !enough() && t.Context().Err() == nil; rounds++ {
		if err := s.Put(t.Context(), "file", []machine.Item{a.item}, []machine.State{nil}); err != nil {
			refused++
		}
		if rounds%50 == 0 {
			checkPrizes(t, list)
		}
	}
	checkPrizes(t, list)
	t.Logf("%d rounds, %d refused, %d turns of the attacker", rounds, refused, turns.Load())
}

func checkPrizes(t *testing.T, list []prize) {
	t.Helper()
	for _, p := range list {
		if what := p.lost(); what != "" {
			t.Fatalf("%s was changed: %s", p.path, what)
		}
	}
}

// raceField is a node with a home folder that belongs to the attacker.
func raceField(t *testing.T) (s *Store, home string) {
	t.Helper()
	s = testStore(t)
	id := os.Geteuid()
	if id == 0 {
		id = attackerID
		must(t, os.WriteFile(s.in("/etc/passwd"), fmt.Appendf(nil, "root:x:0:0::/:/bin/sh\nnobody:x:%d:%d::/:/bin/false\n", id, id), 0o644))
	} else {
		must(t, os.WriteFile(s.in("/etc/passwd"), fmt.Appendf(nil, "nobody:x:%d:%d::/:/bin/false\n", id, os.Getgid()), 0o644))
	}
	for dir := s.root; strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755)) // the attacker has to get there
	}
	home = s.in("/home/u")
	must(t, os.MkdirAll(home+"/d", 0o755))
	for _, dir := range []string{home, home + "/d"} {
		must(t, os.Chown(dir, id, -1))
	}
	return s, home
}
