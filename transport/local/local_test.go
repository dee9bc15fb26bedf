package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/modules/machine"
	"muster/modules/machine/memory"
	"muster/transport"
	"muster/transport/agent"
	"muster/transport/wire"
)

// TestMain makes the test binary its own agent.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func serve() error {
	digest, err := agent.Self()
	if err != nil {
		return err
	}
	return agent.Serve(context.Background(), os.Stdin, os.Stdout, agent.Options{
		Mode: wire.Plan, Run: "r", Dir: os.Args[len(os.Args)-1], Digest: digest,
		Store: func() (machine.Store, error) { return memory.New(machine.Facts{Hostname: "here"}), nil },
	})
}

func self(t *testing.T) transport.Agents {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Binary(runtime.GOARCH, b)
}

func TestDial(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	args := transport.AgentArgs{Mode: wire.Plan, Run: "r", Who: "me", Dir: filepath.Join(dir, "muster")}
	for range 2 {
		c, err := Dial(t.Context(), Target{Name: "here"}, self(t), args)
		if err != nil {
			t.Fatal(err)
		}
		if h := c.Hello().Facts.Hostname; h != "here" {
			t.Errorf("hello of %q", h)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := c.Send(ctx, wire.Steps{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Recv(ctx); err != nil {
			t.Fatal(err, c.Stderr())
		}
		if err := c.Send(ctx, wire.Bye{}); err != nil {
			t.Error(err)
		}
		cancel()
		c.Close()
	}
}

func TestNoAgent(t *testing.T) {
	args := transport.AgentArgs{Mode: wire.Plan, Run: "r", Who: "me", Dir: t.TempDir()}
	_, err := Dial(t.Context(), Target{Name: "here"}, transport.Binary("s390x", nil), args)
	var e *transport.Error
	if !errors.As(err, &e) || !errors.Is(err, transport.ErrNoAgent) || e.Host != "here" {
		t.Errorf("got %v", err)
	}
}
