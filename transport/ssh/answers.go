package ssh

import (
	"fmt"
	"io"
	"sync/atomic"
)

// maxAnswers is how much a server may say during an upload, in bytes: some 40 for
// each piece, and the names of what earlier uploads have left.
const maxAnswers = 4 << 20

// answers ends a stream that says too much: a hostile server's folder has no end,
// and all of it would be kept.
type answers struct {
	r    io.Reader
	left int64
	cut  atomic.Bool
}

// Read implements io.Reader.
func (a *answers) Read(b []byte) (int, error) {
	if a.left <= 0 {
		a.cut.Store(true)
		return 0, io.EOF
	}
	n, err := a.r.Read(b[:min(int64(len(b)), a.left)])
	a.left -= int64(n)
	return n, err
}

// why names the cause of an error that the end of the stream has brought.
func (a *answers) why(err error) error {
	if err != nil && a.cut.Load() {
		return fmt.Errorf("the server answers with more than %d bytes", maxAnswers)
	}
	return err
}
