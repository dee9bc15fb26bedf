package linux

import (
	"os"
	"testing"

	"muster/modules/machine"
)

// etc is where root's files are, from the home folder: a link that leads there does
// so for the kernel and for the walk, whose root is the test's.
const etc = "../../etc"

// move is one thing that an attacker does in his home folder. It may fail: root is at
// work in the same place.
type move func(home string) error

// attack is a way to have root write elsewhere.
type attack struct {
	name  string
	item  machine.Item
	moves []move
}

var attacks = []attack{
	{"file for a link", item("file", "/home/u/conf", "type", "file", "content", "secret\n", "mode", "0600"), []move{
		func(home string) error { return os.Remove(home + "/conf") },
		func(home string) error { return os.Symlink(etc+"/victim", home+"/conf") },
		func(home string) error { return os.Remove(home + "/conf") },
		func(home string) error { return os.WriteFile(home+"/conf", []byte("mine"), 0o666) },
	}},
	{"folder for a link", item("file", "/home/u/d/victim", "type", "file", "content", "secret\n", "mode", "0600"), []move{
		func(home string) error { return os.Rename(home+"/d", home+"/aside") },
		func(home string) error { return os.Symlink(etc, home+"/d") },
		func(home string) error { return os.Remove(home + "/d") },
		func(home string) error { return os.Rename(home+"/aside", home+"/d") },
	}},
	{"attributes through a link", item("file", "/home/u/conf", "type", "file", "mode", "0666", "owner", "nobody"), []move{
		func(home string) error { return os.Rename(home+"/conf", home+"/aside") },
		func(home string) error { return os.Symlink(etc+"/victim", home+"/conf") },
		func(home string) error { return os.Remove(home + "/conf") },
		func(home string) error { return os.Rename(home+"/aside", home+"/conf") },
		func(home string) error { return os.WriteFile(home+"/conf", []byte("mine"), 0o600) },
	}},
	{"temporary file", item("file", "/home/u/conf", "type", "file", "content", "secret\n", "mode", "0600"), []move{
		func(home string) error { return os.Remove(home + "/.conf.muster~") },
		func(home string) error { return os.Symlink(etc+"/victim", home+"/.conf.muster~") },
		func(home string) error { return os.Link(home+"/"+etc+"/victim", home+"/.conf.muster~") },
	}},
	{"folder made", item("file", "/home/u/new", "type", "directory", "mode", "0777", "owner", "nobody"), []move{
		func(home string) error { return os.Remove(home + "/new") },
		func(home string) error { return os.Symlink(etc+"/conf.d", home+"/new") },
		func(home string) error { return os.Remove(home + "/new") },
	}},
	{"link's owner", item("file", "/home/u/link", "type", "link", "target", "/nowhere", "owner", "nobody"), []move{
		func(home string) error { return os.Remove(home + "/.link.muster~") },
		func(home string) error { return os.Link(home+"/"+etc+"/victim", home+"/.link.muster~") },
		func(home string) error { return os.Remove(home + "/.link.muster~") },
		func(home string) error { return os.Symlink(etc+"/victim", home+"/.link.muster~") },
		func(home string) error { return os.Remove(home + "/link") },
	}},
	{"removal", gone("file", "/home/u/d/victim"), []move{
		func(home string) error { return os.Rename(home+"/d", home+"/aside") },
		func(home string) error { return os.Symlink(etc, home+"/d") },
		func(home string) error { return os.Remove(home + "/d") },
		func(home string) error { return os.Rename(home+"/aside", home+"/d") },
		func(home string) error { return os.WriteFile(home+"/d/victim", []byte("mine"), 0o600) },
	}},
}

// TestSwapped makes every attacker's moves one by one at every step of a write: what
// TestRacer leaves to chance.
func TestSwapped(t *testing.T) {
	for _, a := range attacks {
		for _, at := range []string{"look", "create", "attributes", "write", "sync"} {
			for stop := range 5 {
				s, home := raceField(t)
				list := prizes(t, s)
				must(t, os.WriteFile(home+"/conf", []byte("mine"), 0o600))
				must(t, os.WriteFile(home+"/d/victim", []byte("mine"), 0o600))
				s.seen = func(op, _ string) {
					if op == at {
						for _, move := range a.moves[:min(stop+1, len(a.moves))] {
							_ = move(home)
						}
					}
				}
				err := s.Put(t.Context(), "file", []machine.Item{a.item}, []machine.State{nil})
				for _, p := range list {
					if what := p.lost(); what != "" {
						t.Errorf("%s, move %d at %s: %s was changed: %s (%v)", a.name, stop, at, p.path, what, err)
					}
				}
			}
		}
	}
}
