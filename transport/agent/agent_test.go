package agent_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/modules/machine"
	"muster/transport"
	"muster/transport/agent"
	"muster/transport/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlanAndApply(t *testing.T) {
	n := newNode(t)
	c, served, _ := n.dial(t, n.options(wire.Apply))
	if h := c.Hello(); h.Facts.Hostname != "n1" || h.Resumed || h.Agent != "d" {
		t.Errorf("hello: %+v", h)
	}
	send(t, c, wire.Steps{Vertices: []wire.Vertex{
		vertex(t, 1, note{Path: "/a", Text: "one"}), vertex(t, 2, note{Path: "/b", Does: "panic"}),
		{ID: 3, Name: "x[y]", Module: "x"}, vertex(t, 4, note{Path: "/c", Text: "secret later"})}})
	base := recv[wire.Base](t, c)
	if len(base.Plans) != 4 || len(base.Plans[0].Changes) != 1 || base.Plans[0].Failure != nil {
		t.Fatalf("base: %+v", base)
	}
	if f := base.Plans[1].Failure; f == nil || f.Kind != "bug" || !strings.Contains(f.Stderr, "node_test.go") {
		t.Errorf("panic: %+v", f)
	}
	if f := base.Plans[2].Failure; f == nil || !strings.Contains(f.Cause, "does not have it") {
		t.Errorf("unknown module: %+v", f)
	}
	if n.content("/a") != "" || len(n.broken) > 0 {
		t.Error("the plan has written")
	}
	send(t, c, wire.Steps{Replace: true, Vertices: []wire.Vertex{vertex(t, 4, note{Path: "/c", Text: "secret later"})}})
	send(t, c, wire.Begin{})
	if b := recv[wire.Begun](t, c); b.Failure != nil {
		t.Fatal(b.Failure)
	}
	if n.adopted != 1 {
		t.Errorf("adopted %d times", n.adopted)
	}
	if n.records != 1 {
		t.Errorf("records saved %d times", n.records)
	}
	send(t, c, wire.Do{ID: 1})
	d := recv[wire.Done](t, c)
	if d.Failure != nil || len(d.Changes) != 1 || !d.Changes[0].Same(base.Plans[0].Changes[0]) || d.Changes[0].Outcome != machine.Written {
		t.Errorf("done: %+v %+v", d, d.Failure)
	}
	if n.content("/a") != "one" {
		t.Errorf("content %q", n.content("/a"))
	}
	file := filepath.Join(n.dir, "runs", "r1", "base")
	if i, err := os.Stat(file); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("base: %v %v", i, err)
	}
	send(t, c, wire.Bye{Forget: true})
	if err := ended(t, served); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(file)); !os.IsNotExist(err) {
		t.Errorf("not forgotten: %v", err)
	}
	if n.holder != nil {
		t.Error("the lock is still held")
	}
}

func TestPlanStaysPlan(t *testing.T) {
	n := newNode(t)
	c, served, _ := n.dial(t, n.options(wire.Plan))
	send(t, c, wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Path: "/a", Text: "one"})}})
	recv[wire.Base](t, c)
	send(t, c, wire.Begin{})
	if err := ended(t, served); err == nil || !strings.Contains(err.Error(), "begin is for an apply") {
		t.Errorf("begin: %v", err)
	}
	c, served, _ = n.dial(t, n.options(wire.Plan))
	send(t, c, wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Path: "/a", Text: "one"})}})
	recv[wire.Base](t, c)
	send(t, c, wire.Do{ID: 1})
	if err := ended(t, served); err == nil || !strings.Contains(err.Error(), "not approved") {
		t.Errorf("do: %v", err)
	}
	if n.content("/a") != "" {
		t.Error("a plan has written")
	}
}

// TestAdoptedUnchanged: an apply remembers what runs on a node that it has nothing
// to do on, and a plan remembers nothing.
func TestAdoptedUnchanged(t *testing.T) {
	n := newNode(t)
	steps := func(text string) wire.Steps {
		return wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Path: "/a", Text: text})}}
	}
	n.Seed(machine.Ref{Table: "file", Key: "/a"}, machine.State{"type": machine.Text("file"), "content": machine.Text("one")})
	for _, run := range []struct {
		mode wire.Mode
		text string
		want int
	}{{wire.Plan, "one", 0}, {wire.Apply, "two", 0}, {wire.Apply, "one", 1}} {
		c, served, _ := n.dial(t, n.options(run.mode))
		send(t, c, steps(run.text))
		recv[wire.Base](t, c)
		if n.records != run.want {
			t.Errorf("%v of %q: records saved %d times, want %d", run.mode, run.text, n.records, run.want)
		}
		send(t, c, wire.Bye{Forget: true})
		if err := ended(t, served); err != nil {
			t.Error(err)
		}
	}
}

// TestCutAndResume cuts the line while a program runs, and goes on with another
// agent of the same run.
func TestCutAndResume(t *testing.T) {
	n := newNode(t)
	steps := wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Path: "/a", Text: "one"}), vertex(t, 2, note{Path: "/b", Text: "two", Does: "slow"})}}
	c, served, cut := n.dial(t, n.options(wire.Apply))
	send(t, c, steps)
	before := recv[wire.Base](t, c)
	send(t, c, wire.Begin{})
	recv[wire.Begun](t, c)
	send(t, c, wire.Do{ID: 1})
	recv[wire.Done](t, c)
	send(t, c, wire.Do{ID: 2})
	<-n.started
	cut()
	if _, err := c.Recv(t.Context()); !errors.Is(err, transport.ErrLost) {
		t.Errorf("recv after the cut: %v", err)
	}
	select {
	case err := <-served:
		t.Fatalf("the agent ended before the write in flight: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	again := make(chan struct{})
	go func() { // the next agent waits for the first
		time.Sleep(50 * time.Millisecond)
		close(n.finish)
		close(again)
	}()
	c, served2, _ := n.dial(t, n.options(wire.Apply))
	<-again
	if err := ended(t, served); err != nil {
		t.Errorf("first agent: %v", err)
	}
	if n.content("/b") != "" {
		t.Error("the step went on without its controller")
	}
	if !c.Hello().Resumed {
		t.Fatal("the base was not found")
	}
	send(t, c, steps)
	after := recv[wire.Base](t, c)
	for i := range before.Plans {
		if len(after.Plans[i].Changes) != len(before.Plans[i].Changes) || !after.Plans[i].Changes[0].Same(before.Plans[i].Changes[0]) {
			t.Errorf("plan %d: before %+v, after %+v", i, before.Plans[i], after.Plans[i])
		}
	}
	send(t, c, wire.Begin{})
	recv[wire.Begun](t, c)
	send(t, c, wire.Do{ID: 2})
	if d := recv[wire.Done](t, c); d.Failure != nil || n.content("/b") != "two" {
		t.Errorf("done: %+v, content %q", d.Failure, n.content("/b"))
	}
	send(t, c, wire.Bye{})
	if err := ended(t, served2); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(n.dir, "runs", "r1", "base")); err != nil {
		t.Errorf("a run that is not over lost its base: %v", err)
	}
}

func TestLockHeld(t *testing.T) {
	n := newNode(t)
	n.holder = &wire.Holder{Run: "other", Who: "you@there", Since: 5, Mode: wire.Apply}
	c, served, _ := n.dial(t, n.options(wire.Apply))
	if h := c.Hello().Holder; h == nil || h.Who != "you@there" {
		t.Errorf("holder %+v", h)
	}
	if err := ended(t, served); err != nil {
		t.Error(err)
	}
	if n.holder.Run != "other" {
		t.Error("the lock was taken away")
	}
}

func TestFactsNeedNoLock(t *testing.T) {
	n := newNode(t)
	n.holder = &wire.Holder{Run: "other"}
	c, served, _ := n.dial(t, n.options(wire.Facts))
	if h := c.Hello(); h.Holder != nil || h.Facts.OS != "debian" {
		t.Errorf("hello %+v", h)
	}
	if err := ended(t, served); err != nil {
		t.Error(err)
	}
}

func TestTimeoutAndHang(t *testing.T) {
	n := newNode(t)
	o := n.options(wire.Apply)
	o.Abandon = 20 * time.Millisecond
	c, served, _ := n.dial(t, o)
	v := vertex(t, 1, note{Path: "/a", Does: "slow"})
	v.TimeoutMS = 20
	send(t, c, wire.Steps{Vertices: []wire.Vertex{v, vertex(t, 2, note{Path: "/b", Text: "b"})}})
	recv[wire.Base](t, c)
	send(t, c, wire.Begin{})
	recv[wire.Begun](t, c)
	send(t, c, wire.Do{ID: 1})
	if f := recv[wire.Done](t, c).Failure; f == nil || f.Kind != "timeout" || !strings.Contains(f.Cause, "still hangs") {
		t.Errorf("failure %+v", f)
	}
	send(t, c, wire.Do{ID: 2})
	if f := recv[wire.Done](t, c).Failure; f == nil || !strings.Contains(f.Cause, "note[1]") || n.content("/b") != "" {
		t.Errorf("after a hung step: %+v", f)
	}
	close(n.finish)
	send(t, c, wire.Bye{})
	if err := ended(t, served); err != nil {
		t.Error(err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	n := newNode(t)
	c, served, _ := n.dial(t, n.options(wire.Apply))
	send(t, c, wire.Steps{Vertices: []wire.Vertex{vertex(t, 7, note{Does: "run"})}})
	recv[wire.Base](t, c)
	send(t, c, wire.Begin{})
	recv[wire.Begun](t, c)
	send(t, c, wire.Do{ID: 7})
	out := recv[wire.Output](t, c)
	if out.ID != 7 || len(out.Text) > 70<<10 || !strings.Contains(out.Text, "bytes of output left out") {
		t.Errorf("%d bytes for step %d", len(out.Text), out.ID)
	}
	if d := recv[wire.Done](t, c); d.Failure != nil || len(d.Changes) != 1 || !d.Changes[0].Opaque {
		t.Errorf("done %+v %+v", d, d.Failure)
	}
	send(t, c, wire.Bye{})
	if err := ended(t, served); err != nil {
		t.Error(err)
	}
}

func TestEvilController(t *testing.T) {
	for name, tt := range map[string]struct {
		messages []wire.Message
		want     string
	}{
		"agent's word":   {[]wire.Message{wire.Begun{}}, "was not expected"},
		"do before plan": {[]wire.Message{wire.Do{ID: 1}}, "unknown"},
		"begin first":    {[]wire.Message{wire.Begin{}}, "was planned"},
		"id zero":        {[]wire.Message{wire.Steps{Vertices: []wire.Vertex{{}}}}, "zero"},
		"id twice":       {[]wire.Message{wire.Steps{Vertices: []wire.Vertex{{ID: 1}, {ID: 1}}}}, "twice"},
		"steps twice":    {[]wire.Message{wire.Steps{}, wire.Steps{}}, "twice"},
		"replace first":  {[]wire.Message{wire.Steps{Replace: true}}, "before the steps"},
	} {
		n := newNode(t)
		c, served, _ := n.dial(t, n.options(wire.Apply))
		for _, m := range tt.messages {
			send(t, c, m)
		}
		if err := ended(t, served); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		c.Close()
	}
}

func TestSilentController(t *testing.T) {
	n := newNode(t)
	o := n.options(wire.Plan)
	o.Silence = 30 * time.Millisecond
	_, served, _ := n.dial(t, o)
	if err := ended(t, served); !errors.Is(err, agent.ErrSilent) {
		t.Errorf("got %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	n := newNode(t)
	for _, change := range []func(*agent.Options){
		func(o *agent.Options) { o.Run = "../../etc" },
		func(o *agent.Options) { o.Run = "" },
		func(o *agent.Options) { o.Mode = "destroy" },
		func(o *agent.Options) { o.Store = nil },
	} {
		o := n.options(wire.Plan)
		change(&o)
		if err := agent.Serve(t.Context(), strings.NewReader(""), io.Discard, o); err == nil {
			t.Errorf("accepted: %+v", o)
		}
	}
}

func TestOldRunsAreCleaned(t *testing.T) {
	n := newNode(t)
	for _, name := range []string{"old", "young"} {
		if err := os.MkdirAll(filepath.Join(n.dir, "runs", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(n.dir, "agent"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "other"} {
		if err := os.WriteFile(filepath.Join(n.dir, "agent", name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-8 * 24 * time.Hour)
	for _, name := range []string{"runs/old", "agent/d", "agent/other"} {
		if err := os.Chtimes(filepath.Join(n.dir, name), past, past); err != nil {
			t.Fatal(err)
		}
	}
	c, served, _ := n.dial(t, n.options(wire.Apply))
	send(t, c, wire.Bye{})
	if err := ended(t, served); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Join(n.dir, "runs"))
	if err != nil || len(left) != 1 || left[0].Name() != "young" {
		t.Errorf("left: %v, %v", left, err)
	}
	left, err = os.ReadDir(filepath.Join(n.dir, "agent"))
	if err != nil || len(left) != 1 || left[0].Name() != "d" {
		t.Errorf("agents left: %v, %v", left, err)
	}
}
