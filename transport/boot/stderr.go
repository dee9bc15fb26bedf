package boot

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"muster/transport"
)

// tailSize is how much of a node's standard error is kept, in bytes.
const tailSize = 64 << 10

// stdin may be closed while it is written to, which an SSH channel does not like.
type stdin struct {
	mu sync.Mutex
	w  io.WriteCloser
}

func (s *stdin) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

func (s *stdin) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Close()
}

// stderr reads a process's standard error to its end. It answers sudo's prompt
// once; a second one means that the password was wrong.
type stderr struct {
	r        io.Reader
	in       *stdin
	prompt   []byte
	password []byte
	done     chan struct{}

	mu      sync.Mutex
	tail    []byte
	scan    []byte // not yet searched for the prompt
	prompts int
}

func newStderr(r io.Reader, in *stdin, prompt string, password []byte) *stderr {
	e := &stderr{r: r, in: in, prompt: []byte(prompt), password: password, done: make(chan struct{})}
	go e.read()
	return e
}

func (e *stderr) read() {
	defer close(e.done)
	buf := make([]byte, 4<<10)
	for {
		n, err := e.r.Read(buf)
		e.add(buf[:n])
		if err != nil {
			return
		}
	}
}

func (e *stderr) add(b []byte) {
	e.mu.Lock()
	e.tail = append(e.tail, b...)
	if extra := len(e.tail) - tailSize; extra > 0 {
		e.tail = append([]byte(nil), e.tail[extra:]...)
	}
	asked := false
	if e.password != nil && e.prompts < 2 {
		e.scan = append(e.scan, b...)
		if i := bytes.Index(e.scan, e.prompt); i >= 0 {
			asked = true
			e.prompts++
			e.scan = e.scan[i+len(e.prompt):]
		} else if extra := len(e.scan) - len(e.prompt); extra > 0 {
			e.scan = append([]byte(nil), e.scan[extra:]...)
		}
	}
	first := asked && e.prompts == 1
	e.mu.Unlock()
	switch {
	case first:
		// A failure shows as the end of the stream.
		_, _ = e.in.Write(append(bytes.Clone(e.password), '\n'))
	case asked:
		_ = e.in.Close()
	}
}

// text is the tail, without the prompts.
func (e *stderr) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.ReplaceAll(string(e.tail), string(e.prompt), "")
}

// arch is the architecture of a node without an agent, as in Agents; "" when
// the node has not said it.
func (e *stderr) arch() string {
	_, rest, _ := strings.Cut(e.text(), noAgent)
	system, _, _ := strings.Cut(rest, ",")
	switch system {
	case "Linux x86_64":
		return "amd64"
	case "Linux aarch64":
		return "arm64"
	}
	return system
}

func (e *stderr) refused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.prompts > 1
}

func sudoError(err error, hint string) *transport.Error {
	return &transport.Error{Stage: transport.Sudo, Err: err, Hint: hint}
}
