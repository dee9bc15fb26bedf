package linux

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// systemLists is where apt keeps the lists of the node itself.
const systemLists = "/var/lib/apt/lists"

// seedFrom begins muster's lists with a copy of the node's own: apt then fetches what
// has changed since, and not tens of megabytes. It is no fault when they cannot be had.
func (a *apt) seedFrom(system string) error {
	lists := filepath.Join(a.dir, "lists")
	if _, err := os.Lstat(lists); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	temp := lists + ".new"
	if err := errors.Join(os.RemoveAll(temp), os.Mkdir(temp, 0o755)); err != nil {
		return err
	}
	// apt trusts what it finds there: half a file, or files of two updates, are worse
	// than none.
	if err := copyLists(system, temp); err != nil {
		return os.RemoveAll(temp)
	}
	return os.Rename(temp, lists)
}

// copyLists copies apt's lists with their times, which apt asks its sources by. An apt
// that changes them meanwhile is an error.
func copyLists(from, to string) error {
	before, err := os.Stat(from)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// The rest are apt's lock and the folders of running fetches.
		if !e.Type().IsRegular() || !strings.Contains(e.Name(), "_") {
			continue
		}
		if err := copyList(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	after, err := os.Stat(from)
	if err == nil && !after.ModTime().Equal(before.ModTime()) {
		err = fmt.Errorf("%s changes", from)
	}
	return err
}

func copyList(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, info.ModTime())
}
