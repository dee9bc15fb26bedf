package linux

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holder is who holds a node's lock, for the people who wait for it.
type Holder struct {
	Run   string `json:"run"`   // run id
	Who   string `json:"who"`   // who runs muster, as it says: "alice@login1"
	Mode  string `json:"mode"`  // "plan" or "apply"
	Since int64  `json:"since"` // Unix time in seconds
	PID   int    `json:"pid"`   // the agent's, set by Lock
}

// Lock takes the node's lock: shared for a plan, exclusive for an apply. It does
// not wait. held is one of those who have it when it cannot be had; release gives
// it back. The kernel gives it back too when the agent dies, however it does.
func Lock(dir string, exclusive bool, h Holder) (release func(), held *Holder, err error) {
	holders := filepath.Join(dir, "holders")
	if err := os.MkdirAll(holders, 0o700); err != nil {
		return nil, nil, fmt.Errorf("node lock: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("node lock: %w", err)
	}
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, someHolder(holders), nil
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("node lock: %w", err)
	}
	h.PID = os.Getpid()
	note := filepath.Join(holders, strconv.Itoa(h.PID)+".json")
	text, err := json.Marshal(h)
	if err == nil {
		err = os.WriteFile(note, text, 0o600)
	}
	if err != nil {
		os.Remove(note) // of a full disk there may be an empty one
		f.Close()
		return nil, nil, fmt.Errorf("node lock: %w", err)
	}
	return func() {
		os.Remove(note)
		f.Close()
	}, nil, nil
}

// someHolder reads the notes of those who hold the lock, an apply before plans.
// Notes of the dead are swept away.
func someHolder(dir string) *Holder {
	var all []Holder
	names, _ := os.ReadDir(dir)
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		var h Holder
		text, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(text, &h) != nil {
			continue
		}
		if errors.Is(unix.Kill(h.PID, 0), unix.ESRCH) {
			os.Remove(path)
			continue
		}
		all = append(all, h)
	}
	if len(all) == 0 {
		return &Holder{Mode: "unknown"} // it has the lock and no note yet
	}
	slices.SortFunc(all, func(a, b Holder) int { return strings.Compare(a.Mode, b.Mode) })
	return &all[0]
}
