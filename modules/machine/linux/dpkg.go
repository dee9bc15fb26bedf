package linux

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// deb is a package as dpkg's status file has it.
type deb struct {
	version, arch string
	status        string // the last of dpkg's three words: installed, half-configured …
	broken        bool   // has to be unpacked again
}

// dpkg reads what is installed from dpkg's own files; no program is run.
type dpkg struct {
	root string

	mu    sync.Mutex
	size  int64
	mtime time.Time
	list  map[string]deb // by name and by name:arch
}

func (d *dpkg) path(parts ...string) string {
	return filepath.Join(append([]string{d.root, "var/lib/dpkg"}, parts...)...)
}

// mergeTime is how long dpkg's files are read again because a running dpkg merged its
// journal meanwhile; it does so once in some hundred changes of status.
const mergeTime = 5 * time.Second

// packages gives the entries of the status file, read again when it has changed.
func (d *dpkg) packages() (list map[string]deb, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for end := time.Now().Add(mergeTime); ; time.Sleep(time.Millisecond) {
		if list, err = d.read(); !errors.Is(err, errMerged) || time.Now().After(end) {
			return list, err
		}
	}
}

// errMerged: a part of dpkg's journal went while it was read.
var errMerged = errors.New("dpkg is changing its files")

func (d *dpkg) read() (map[string]deb, error) {
	info, err := os.Stat(d.path("status"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("package table: this node has no dpkg: %w", err)
	} else if err != nil {
		return nil, err
	}
	pending, err := d.pending()
	if err != nil {
		return nil, err
	}
	if d.list != nil && len(pending) == 0 && info.Size() == d.size && info.ModTime().Equal(d.mtime) {
		return d.list, nil
	}
	list := map[string]deb{}
	for _, path := range append([]string{d.path("status")}, pending...) {
		err := readStatus(path, list)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("package table: %w", errMerged)
		}
		if err != nil {
			return nil, err
		}
	}
	d.list, d.size, d.mtime = list, info.Size(), info.ModTime()
	if len(pending) > 0 {
		d.mtime = time.Time{} // what lies in updates/ may change alone
	}
	return list, nil
}

// pending are status changes that a killed dpkg has not merged yet, oldest first.
func (d *dpkg) pending() ([]string, error) {
	names, err := os.ReadDir(d.path("updates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, n := range names {
		if strings.Trim(n.Name(), "0123456789") == "" {
			out = append(out, d.path("updates", n.Name()))
		}
	}
	return out, err
}

func readStatus(path string, into map[string]deb) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return parseStatus(f, into)
}

// parseStatus reads stanzas of "Field: value" lines, of which it wants four.
func parseStatus(r io.Reader, into map[string]deb) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	name, d := "", deb{}
	keep := func() {
		if name != "" {
			into[name+":"+d.arch] = d
			// A name alone means the native package; a foreign one never takes its place.
			if old, ok := into[name]; !ok || old.arch == d.arch || old.status != "installed" {
				into[name] = d
			}
		}
		name, d = "", deb{}
	}
	for {
		line, err := lines.ReadString('\n')
		line = strings.TrimRight(line, "\n")
		if field, value, ok := strings.Cut(line, ": "); line == "" {
			keep()
		} else if ok {
			switch field {
			case "Package":
				name = value
			case "Version":
				d.version = value
			case "Architecture":
				d.arch = value
			case "Status":
				if words := strings.Fields(value); len(words) == 3 {
					d.status, d.broken = words[2], words[1] != "ok"
				}
			}
		}
		if errors.Is(err, io.EOF) {
			keep()
			return nil
		} else if err != nil {
			return err
		}
	}
}

// whole says whether the package is installed and nothing is left to do for it.
// Triggers that wait for another package do not make it less whole.
func (d deb) whole() bool {
	return !d.broken && (d.status == "installed" || d.status == "triggers-awaited" || d.status == "triggers-pending")
}

// installed gives the version of a whole package ("" otherwise) and when its list
// of files was written, in microseconds of Unix time.
func (d *dpkg) installed(name string) (version string, at int64, err error) {
	list, err := d.packages()
	if err != nil {
		return "", 0, err
	}
	p, ok := list[name]
	if !ok || !p.whole() {
		return "", 0, nil
	}
	plain, _, _ := strings.Cut(name, ":")
	for _, file := range []string{plain + ".list", plain + ":" + p.arch + ".list"} {
		if info, err := os.Stat(d.path("info", file)); err == nil {
			at = max(at, info.ModTime().UnixMicro())
		}
	}
	return p.version, at, nil
}

// unfinished names packages that dpkg was interrupted with.
func (d *dpkg) unfinished() ([]string, error) {
	list, err := d.packages()
	if err != nil {
		return nil, err
	}
	var out []string
	for name, p := range list {
		if strings.Contains(name, ":") {
			continue
		}
		switch p.status {
		case "installed", "config-files", "not-installed":
			if !p.broken {
				continue
			}
		}
		out = append(out, name)
	}
	return out, nil
}
