package run

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"muster/playbooks/event"
)

// JournalFile is the name of a run's journal in its folder: one event per line.
const JournalFile = "journal.jsonl"

// recorder stamps events, appends them to the journal and hands them on. Its
// methods may be called from the nodes' goroutines.
type recorder struct {
	mu   sync.Mutex
	run  string
	seq  uint64
	sink event.Sink
	file *os.File // nil without a journal
	out  *bufio.Writer
	err  error // the first fault of the journal; it is final
}

func newRecorder(o Options) (*recorder, error) {
	l := &recorder{run: o.ID, sink: o.Sink}
	if o.Dir == "" {
		return l, nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	path := filepath.Join(o.Dir, JournalFile)
	if old, err := ReadJournal(path); err == nil && len(old.Events) > 0 {
		l.seq = old.Events[len(old.Events)-1].Seq
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	l.file, l.out = f, bufio.NewWriter(f)
	if torn(f) {
		_ = l.out.WriteByte('\n') // a later flush reports a fault of the file
	}
	return l, l.sync()
}

// torn says whether the file ends inside a line: the run before was cut while it
// wrote.
func torn(f *os.File) bool {
	size, err := f.Seek(0, 2)
	if err != nil || size == 0 {
		return false
	}
	last := []byte{0}
	_, err = f.ReadAt(last, size-1)
	return err == nil && last[0] != '\n'
}

func (l *recorder) emit(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Version, e.Seq, e.Time, e.Run = event.Version, l.seq, time.Now(), l.run
	if l.file != nil && l.err == nil {
		line, err := json.Marshal(e)
		if err == nil {
			_, err = l.out.Write(append(line, '\n'))
		}
		l.fault(err)
	}
	if l.sink != nil {
		l.sink.Emit(e)
	}
}

// sync makes everything emitted so far durable. A step starts only after its
// start is on disk.
func (l *recorder) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || l.err != nil {
		return l.err
	}
	l.fault(l.out.Flush())
	if l.err == nil {
		l.fault(l.file.Sync())
	}
	return l.err
}

func (l *recorder) fault(err error) {
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("journal: %w", err)
	}
}

func (l *recorder) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close() // what matters was synced
		l.file = nil
	}
}
