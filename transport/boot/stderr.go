package boot

import (
	"bytes"
	"strings"
	"sync"

	"muster/transport"
)

// tailSize is how much of a node's standard error is kept, in bytes.
const tailSize = 64 << 10

// stderr reads a process's standard error to its end. It answers sudo's prompt
// once; a second one means that the password was wrong.
type stderr struct {
	p        *Process
	prompt   []byte
	password []byte
	done     chan struct{}

	mu      sync.Mutex
	tail    []byte
	scan    []byte // not yet searched for the prompt
	prompts int
}

func newStderr(p *Process, prompt string, password []byte) *stderr {
	e := &stderr{p: p, prompt: []byte(prompt), password: password, done: make(chan struct{})}
	go e.read()
	return e
}

func (e *stderr) read() {
	defer close(e.done)
	buf := make([]byte, 4<<10)
	for {
		n, err := e.p.Stderr.Read(buf)
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
		_, _ = e.p.Stdin.Write(append(bytes.Clone(e.password), '\n'))
	case asked:
		_ = e.p.Stdin.Close()
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

// last is the last line that says something.
func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func sudoError(err error, hint string) *transport.Error {
	return &transport.Error{Stage: transport.Sudo, Err: err, Hint: hint}
}
