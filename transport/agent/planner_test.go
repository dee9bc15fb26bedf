package agent_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"testing"

	"muster/modules"
	"muster/modules/all"
	"muster/modules/command"
	"muster/modules/file"
	"muster/modules/line"
	"muster/modules/machine"
	"muster/modules/machine/memory"
	"muster/modules/packages"
	"muster/modules/service"
	"muster/transport"
	"muster/transport/agent"
	"muster/transport/wire"
)

// TestPlannerLikeAgents: a planner says of each node of a fleet what an agent on that
// node says.
func TestPlannerLikeAgents(t *testing.T) {
	p := agent.NewPlanner(all.Modules())
	store := memory.Bare(machine.Facts{OS: "debian"})
	for i := range 6 {
		own := fmt.Sprintf("node%d in rack %d\n", i, i/3)
		configs := []vertexConfig{
			{"package", &packages.Config{Names: []string{"cron"}, State: "present", Version: "1"}},
			{"file", &file.Config{Path: "/etc/motd", Content: own, State: "file", Mode: "0644"}},
			{"line", &line.Config{Path: "/etc/motd", Line: "welcome", State: "present"}},
			{"file", &file.Config{Path: "/etc/rack", Content: own[len(own)-2:], State: "file"}},
			{"file", &file.Config{Path: "/etc/large", Content: string(make([]byte, wire.MaxValue+1)), State: "file"}},
			{"command", &command.Config{Argv: []string{"make", "it"}, Creates: "/etc/rack"}},
			{"file", &file.Config{Path: "/etc/nobody", State: "file", Owner: "nobody-" + own[:5]}}, // there is no such user
			{"service", &service.Config{Name: "cron", Running: true, Enabled: true, RestartOn: []string{"/etc/motd"}}},
			{"unheard", &service.Config{Name: "cron"}},
		}
		steps := vertices(t, configs)
		got := p.Plan(t.Context(), store, steps)
		want := asked(t, store, steps)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("node %d:\n%+v\nan agent:\n%+v", i, got, want)
		}
	}
}

type vertexConfig struct {
	module string
	config modules.Config
}

func vertices(t *testing.T, configs []vertexConfig) (steps []wire.Vertex) {
	for i, c := range configs {
		text, err := modules.Encode(c.config)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, wire.Vertex{ID: uint32(i + 1), Name: c.module + "[x]", Module: c.module, Config: text})
	}
	return steps
}

// asked is the plan of an agent over a pipe.
func asked(t *testing.T, store machine.Store, steps []wire.Vertex) wire.Base {
	in, toAgent := io.Pipe()
	fromAgent, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- agent.Serve(context.Background(), in, out, agent.Options{Mode: wire.Plan, Run: "0123456789abcd", Who: "test", Dir: os.DevNull,
			Modules: all.Modules(), Store: func() (machine.Store, error) { return store, nil }})
	}()
	c, err := transport.Open(t.Context(), transport.Link{R: fromAgent, W: toAgent, Close: func() error {
		_ = toAgent.Close()
		return fromAgent.Close()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Close()
		<-done
	}()
	if err := c.Send(t.Context(), wire.Steps{Vertices: steps}); err != nil {
		t.Fatal(err)
	}
	m, err := c.Recv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.(wire.Base)
}
