package linux

import (
	"fmt"
	"sync"
)

const (
	// maxOutput is how much of a program's output is kept, in bytes per stream: its
	// end, where the cause of a failure stands.
	maxOutput = 64 << 10
	// maxAnswer is the longest answer of a query, in bytes per stream.
	maxAnswer = 4 << 20
)

// tail keeps the last bytes written to it and passes everything on.
type tail struct {
	limit int
	buf   []byte
	lost  int64
	mu    *sync.Mutex // shared by the two streams of a program
	emit  func(string)
}

func newOutputs(p program) (out, errs *tail) {
	limit := maxOutput
	if p.whole {
		limit = maxAnswer
	}
	mu := &sync.Mutex{}
	return &tail{limit: limit, mu: mu, emit: p.output}, &tail{limit: limit, mu: mu, emit: p.output}
}

// Write never fails: a program is not stopped because nobody keeps its output.
func (t *tail) Write(b []byte) (int, error) {
	if t.mu != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	if t.emit != nil {
		t.emit(string(b))
	}
	n := len(b)
	if n > t.limit {
		t.lost += int64(n - t.limit)
		b = b[n-t.limit:]
	}
	if over := len(t.buf) + len(b) - t.limit; over > 0 {
		t.lost += int64(over)
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.buf = append(t.buf, b...)
	return n, nil
}

// String is what was kept, with a line that says how much is missing before it.
func (t *tail) String() string {
	if t.lost == 0 {
		return string(t.buf)
	}
	return fmt.Sprintf("(%d bytes left out)\n%s", t.lost, t.buf)
}
