package agent_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/machine/memory"
	"muster/transport"
	"muster/transport/agent"
	"muster/transport/wire"
)

// note is a module for the tests: it wants one file, and misbehaves on demand.
type note struct {
	Path string `arg:"path"`
	Text string `arg:"text"`
	Does string `arg:"does"` // "", "panic", "run", "slow", "tell", "endless"
	Keys []key  `arg:"key,block"`
}

type key struct {
	Value modules.Secret `arg:"value"`
}

// Derived is a form that only the module knows.
func (n *note) Derived() []string {
	var out []string
	for _, k := range n.Keys {
		out = append(out, fmt.Sprintf("hash-of-%d-bytes", len(k.Value.Bytes)))
	}
	return out
}

func (n *note) Ensure(ctx context.Context, m machine.Machine) error {
	switch n.Does {
	case "panic":
		panic("note fell over")
	case "run":
		_, err := m.Run(ctx, machine.Run{Argv: []string{"noisy"}, Opaque: true})
		return err
	case "endless":
		_, err := m.Run(ctx, machine.Run{Argv: []string{"endless"}, Opaque: true})
		return err
	case "tell":
		_, err := m.Run(ctx, machine.Run{Argv: []string{"tell"}})
		return err
	case "slow":
		_, err := m.Run(ctx, machine.Run{Argv: []string{"slow"}, Opaque: true})
		if err != nil {
			return err
		}
	}
	return m.Set(ctx, machine.Item{Ref: machine.Ref{Table: "file", Key: n.Path},
		Want: machine.State{"type": machine.Text("file"), "content": machine.Text(n.Text)}})
}

var noteModule = modules.Module{Name: "note", New: func() modules.Config { return &note{} }}

// node is a memory node with hooks to look into an agent.
type node struct {
	*memory.Store
	dir string

	mu      sync.Mutex
	holder  *wire.Holder
	started chan struct{} // a slow program has started
	finish  chan struct{} // a slow program may end
	records int
	adopted int
	reading bool
	broken  []string // writes within ReadOnly
}

func newNode(t *testing.T) *node {
	n := &node{Store: memory.New(machine.Facts{Hostname: "n1", OS: "debian"}), dir: t.TempDir(),
		started: make(chan struct{}, 8), finish: make(chan struct{})}
	n.Answer([]string{"noisy"}, machine.Result{Stdout: strings.Repeat("x", 300<<10)})
	n.Answer([]string{"slow"}, machine.Result{})
	return n
}

func (n *node) Put(ctx context.Context, table string, items []machine.Item, was []machine.State) error {
	n.mu.Lock()
	if n.reading {
		n.broken = append(n.broken, table)
	}
	n.mu.Unlock()
	return n.Store.Put(ctx, table, items, was)
}

func (n *node) Exec(ctx context.Context, r machine.Run, reading bool) (machine.Result, error) {
	if r.Argv[0] == "slow" {
		n.started <- struct{}{}
		<-n.finish
	}
	if r.Argv[0] == "endless" {
		<-ctx.Done()
		return machine.Result{}, ctx.Err()
	}
	return n.Store.Exec(ctx, r, reading)
}

func (n *node) SaveRecords(context.Context, []machine.Item) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records++
	return nil
}

// Adopt waits for nothing, and counts.
func (n *node) Adopt(context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.adopted++
	return nil, nil
}

func (n *node) lock(h wire.Holder) (func(), *wire.Holder, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.holder != nil {
		held := *n.holder
		return nil, &held, nil
	}
	n.holder = &h
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.holder = nil
	}, nil, nil
}

func (n *node) ReadOnly(f func() error) error {
	n.mu.Lock()
	n.reading = true
	n.mu.Unlock()
	err := f()
	n.mu.Lock()
	n.reading = false
	n.mu.Unlock()
	return err
}

func (n *node) options(mode wire.Mode) agent.Options {
	return agent.Options{Mode: mode, Run: "r1", Who: "me@here", Dir: n.dir, Digest: "d", Modules: []modules.Module{noteModule},
		Store: func() (machine.Store, error) { return n, nil }, Lock: n.lock}
}

// dial starts an agent on the node and returns the conversation with it, a
// channel with the end of Serve, and a function that cuts the line.
func (n *node) dial(t *testing.T, o agent.Options) (*transport.Conn, chan error, func()) {
	t.Helper()
	fromAgent, toUs := io.Pipe()
	fromUs, toAgent := io.Pipe()
	served := make(chan error, 1)
	go func() {
		err := agent.Serve(context.Background(), fromUs, toUs, o)
		toUs.Close()
		served <- err
	}()
	cut := func() { fromAgent.Close(); toAgent.Close() }
	c, err := transport.Open(t.Context(), transport.Link{R: fromAgent, W: toAgent, Close: func() error { cut(); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, served, cut
}

func vertex(t *testing.T, id uint32, n note) wire.Vertex {
	t.Helper()
	b, err := modules.Encode(&n)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Vertex{ID: id, Name: fmt.Sprintf("note[%d]", id), Module: "note", Config: b}
}

func send(t *testing.T, c *transport.Conn, m wire.Message) {
	t.Helper()
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// recv returns the next message, which has to be an M.
func recv[M wire.Message](t *testing.T, c *transport.Conn) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := c.Recv(ctx)
	if err != nil {
		t.Fatalf("recv: %v", err)
	}
	got, ok := m.(M)
	if !ok {
		t.Fatalf("got %#v, want a %T", m, got)
	}
	return got
}

func ended(t *testing.T, served chan error) error {
	t.Helper()
	select {
	case err := <-served:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the agent did not end")
		return nil
	}
}

func (n *node) content(path string) string {
	return n.Dump()[machine.Ref{Table: "file", Key: path}].Get("content").S
}
