package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/graph"
	"muster/playbooks/program"
	"muster/transport/wire"
)

// fleet is a set of fake nodes. A vertex, by name, changes one file unless it is
// in clean; what goes wrong with it is in trouble.
type fleet struct {
	mu      sync.Mutex
	down    map[string]bool         // hosts that cannot be reached
	holder  map[string]*wire.Holder // hosts that another run holds
	clean   map[string]bool         // vertices without changes
	trouble map[string]string       // fail, silent, lie, cut, cut-forever, breach, slow
	cuts    map[string]int          // connections cut so far, by vertex
	did     []string                // vertices that really ran, in order
	ended   map[string]time.Time    // by vertex
	began   map[string]bool         // hosts with a base
	active  map[string]int          // by step: hosts at work
	peak    map[string]int          // by step: most hosts at work
	now     int                     // hosts at work
	most    int
	dials   map[string]int
	forgot  map[string]bool
	moved   map[string]bool // hosts whose plan differs since
	odd     map[string]bool // hosts whose facts break their bounds
	skew    map[string]time.Duration
	quick   bool // steps take no time
	onDo    func(name string)
	changes func(name string) []machine.Change
}

func newFleet() *fleet {
	return &fleet{down: map[string]bool{}, holder: map[string]*wire.Holder{}, clean: map[string]bool{},
		trouble: map[string]string{}, cuts: map[string]int{}, began: map[string]bool{}, active: map[string]int{},
		peak: map[string]int{}, dials: map[string]int{}, forgot: map[string]bool{}, moved: map[string]bool{},
		ended: map[string]time.Time{}}
}

func (f *fleet) Dial(_ context.Context, host string, mode wire.Mode, run string) (Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials[host]++
	if f.down[host] {
		return nil, errors.New("connect: no route to host")
	}
	c := &fakeConn{f: f, host: host, mode: mode, out: make(chan wire.Message, 64), closed: make(chan struct{}), ids: map[uint32]string{}}
	c.hello = wire.Hello{Protocol: wire.Protocol, Holder: f.holder[host], Resumed: f.began[host],
		Facts: machine.Facts{Hostname: host, Clock: time.Now().Add(f.skew[host]).UnixMilli()}}
	if f.odd[host] {
		c.hello.Facts.Hostname = "x\nSlurmctldHost=evil"
	}
	return c, nil
}

type fakeConn struct {
	f      *fleet
	host   string
	mode   wire.Mode
	hello  wire.Hello
	ids    map[uint32]string
	out    chan wire.Message
	closed chan struct{}
	once   sync.Once
	cause  error // of the loss
}

func (c *fakeConn) Hello() wire.Hello { return c.hello }
func (c *fakeConn) Close() error      { c.once.Do(func() { close(c.closed) }); return nil }

func (c *fakeConn) Recv(ctx context.Context) (wire.Message, error) {
	select {
	case m := <-c.out:
		return m, nil
	case <-c.closed:
		if c.cause != nil {
			return nil, c.cause
		}
		return nil, errors.New("connection lost")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *fakeConn) Send(_ context.Context, m wire.Message) error {
	select {
	case <-c.closed:
		return errors.New("connection lost")
	default:
	}
	switch x := m.(type) {
	case wire.Steps:
		if !x.Replace {
			c.plan(x)
		}
	case wire.Begin:
		c.f.mu.Lock()
		c.f.began[c.host] = true
		c.f.mu.Unlock()
		c.out <- wire.Begun{}
	case wire.Do:
		go c.do(x.ID)
	case wire.Bye:
		c.f.mu.Lock()
		c.f.forgot[c.host] = x.Forget
		c.f.mu.Unlock()
	}
	return nil
}

func (c *fakeConn) name(v wire.Vertex) string { return v.Name + "@" + c.host }

func (c *fakeConn) plan(s wire.Steps) {
	var b wire.Base
	for _, v := range s.Vertices {
		c.ids[v.ID] = c.name(v)
		b.Plans = append(b.Plans, wire.VertexPlan{ID: v.ID, Changes: c.f.changed(c.name(v))})
	}
	c.out <- b
}

func (f *fleet) changed(name string) []machine.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, host, _ := strings.Cut(name, "@")
	switch {
	case f.changes != nil:
		return f.changes(name)
	case f.clean[name]:
		return nil
	case f.moved[host]:
		return []machine.Change{{Table: "file", Key: "/" + name, Want: machine.State{"mode": machine.Text("0600")}}}
	}
	return []machine.Change{{Table: "file", Key: "/" + name, Want: machine.State{"mode": machine.Text("0644")}}}
}

func (c *fakeConn) do(id uint32) {
	f, name := c.f, c.ids[id]
	step, _, _ := strings.Cut(name, "@")
	f.enter(step, 1)
	leave := sync.OnceFunc(func() { f.enter(step, -1) })
	defer leave()
	if f.onDo != nil {
		f.onDo(name)
	}
	if !f.quick {
		time.Sleep(time.Second)
	}
	f.mu.Lock()
	trouble := f.trouble[name]
	if trouble == "cut" && f.cuts[name] > 0 {
		trouble = ""
	}
	f.cuts[name]++
	f.mu.Unlock()
	d := wire.Done{ID: id, Changes: f.changed(name)}
	for i := range d.Changes {
		d.Changes[i].Outcome = machine.Written
	}
	switch trouble {
	case "cut", "cut-forever":
		_ = c.Close()
		return
	case "silent":
		return
	case "hostile":
		c.cause = fmt.Errorf("%w: frame of 2 GiB", ErrHostile)
		_ = c.Close()
		return
	case "breach":
		d.ID += 77
	case "fail":
		d.Changes, d.Failure = nil, &wire.Failure{Object: "file[/x]", Cause: "write: no space left on device"}
	case "lie":
		d.Changes = nil
	}
	f.mu.Lock()
	f.did = append(f.did, name)
	f.ended[name] = time.Now()
	f.mu.Unlock()
	leave() // before the controller can hear of it
	c.out <- d
}

func (f *fleet) enter(step string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active[step] += n
	f.now += n
	f.peak[step] = max(f.peak[step], f.active[step])
	f.most = max(f.most, f.now)
}

// builder makes programs without a language.
type builder struct {
	p       *program.Program
	skip    map[int32]string
	pending map[int32]bool
	made    bool
	seen    []map[string]machine.Facts // the facts of each time
	refused map[string]string          // hosts without a configuration, and why
	edges   [][2]int32
}

// build makes a program from hosts and "step: host host" lines, in file order.
func build(hosts string, steps ...string) *builder {
	b := &builder{p: &program.Program{Digest: "d1"}, skip: map[int32]string{}, pending: map[int32]bool{}}
	for _, h := range strings.Fields(hosts) {
		b.p.Hosts = append(b.p.Hosts, program.Host{Name: h})
	}
	type place struct{ step, host int32 }
	var places []place
	for s, line := range steps {
		name, on, _ := strings.Cut(line, ":")
		b.p.Steps = append(b.p.Steps, program.Step{Name: name, Module: "file", Pos: fmt.Sprintf("play.hcl:%d,1", s+1)})
		for _, h := range strings.Fields(on) {
			i := slices.IndexFunc(b.p.Hosts, func(x program.Host) bool { return x.Name == h })
			places = append(places, place{int32(s), int32(i)})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return int(a.host - b.host) })
	for v, x := range places {
		b.p.Vertices = append(b.p.Vertices, program.Vertex{Step: x.step, Host: x.host})
		b.p.Steps[x.step].Vertices = append(b.p.Steps[x.step].Vertices, int32(v))
	}
	b.p.Graph = graph.New(len(places))
	b.p.Bind = b
	return b
}

func (b *builder) step(name string) *program.Step {
	i := slices.IndexFunc(b.p.Steps, func(s program.Step) bool { return s.Name == name })
	return &b.p.Steps[i]
}

func (b *builder) after(waits, for_ string) *builder {
	for _, v := range b.step(waits).Vertices {
		for _, u := range b.step(for_).Vertices {
			if b.p.Vertices[u].Host == b.p.Vertices[v].Host {
				b.p.Graph.Edge(u, v)
				b.edges = append(b.edges, [2]int32{u, v})
			}
		}
	}
	return b
}

func (b *builder) afterAll(waits, for_ string) *builder {
	at := func(name string) int32 {
		return int32(slices.IndexFunc(b.p.Steps, func(s program.Step) bool { return s.Name == name }))
	}
	b.p.AfterAll = append(b.p.AfterAll, [2]int32{at(waits), at(for_)})
	return b
}

func (b *builder) Requests(host int32, facts map[string]machine.Facts) ([]program.Request, error) {
	var out []program.Request
	b.seen = append(b.seen, facts)
	if why := b.refused[b.p.Hosts[host].Name]; why != "" {
		return nil, errors.New(b.p.Hosts[host].Name + ": " + why)
	}
	for v, x := range b.p.Vertices {
		if x.Host == host {
			out = append(out, program.Request{Vertex: int32(v), Config: []byte{1}, Skip: b.skip[int32(v)], Pending: b.pending[int32(v)] && !b.made})
		}
	}
	return out, nil
}

func (b *builder) Materialise(context.Context) error { b.made = true; return nil }

// events collects what a run says.
type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (e *events) Emit(x event.Event) { e.mu.Lock(); e.all = append(e.all, x); e.mu.Unlock() }

// states gives vertex name to last state.
func (e *events) states() map[string]event.State {
	out := map[string]event.State{}
	for _, x := range e.all {
		if x.Kind == event.StepResult {
			out[x.Name()] = x.State
		}
	}
	return out
}
