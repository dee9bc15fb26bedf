package run

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"muster/playbooks/event"
)

// WasApproved says whether the journal of a run holds an approval, without taking in
// what else it holds: that of a large run has a million lines.
func WasApproved(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	mark := []byte(event.Approved)
	for {
		line, err := in.ReadBytes('\n')
		if bytes.Contains(line, mark) { // text may hold the word too
			if e, ok := parseLine(line); ok && e.Kind == event.Approved {
				return true, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("journal: %w", err)
		}
	}
}
