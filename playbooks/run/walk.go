package run

import (
	"container/heap"
	"context"
	"time"

	"muster/playbooks/event"
	"muster/playbooks/graph"
	"muster/transport/wire"
)

// walk takes the vertices of a program through an apply. One loop owns it; a
// goroutine lives only while a host works.
type walk struct {
	r        *runner
	g        *graph.Graph
	q        *graph.Queue
	barriers []barrier
	state    []event.State // by vertex, "" while not finished
	failed   []int         // by step: hosts on which it did not succeed
	spent    []bool        // by step: its budget was said to be exceeded
	hosts    []hostQueue
	idle     []int32 // hosts that may have something to start
	results  chan result
	busy     int
	left     []int // by host: vertices not finished
	stop     event.State
	changed  tally
}

// hostQueue is what a host can do now.
type hostQueue struct {
	ready verts
	busy  bool
}

// result is the end of what a host was asked to do.
type result struct {
	host   int32
	vertex int32 // beginning is begin
	done   wire.Done
	err    error
}

const beginning = int32(-1)

// apply walks the program and returns the exit code.
func (r *runner) apply(ctx context.Context) (int, error) {
	w := newWalk(r)
	r.walk = w
	w.known()
	w.beginAll(ctx)
	interrupt := r.o.Interrupt
	for {
		if w.settle(); w.stop == "" {
			w.dispatch(ctx)
		}
		if w.busy == 0 {
			break
		}
		select {
		case res := <-w.results:
			w.take(res)
			w.drain()
		case <-interrupt:
			interrupt = nil
			w.halt(event.Held, "interrupted: what runs may finish, nothing more is started")
		case <-ctx.Done():
			w.halt(event.Held, "detached: the nodes finish what they are at")
			for _, n := range r.nodes {
				n.close()
			}
			return ExitInterrupted, nil
		}
	}
	return w.exit()
}

func newWalk(r *runner) *walk {
	g, barriers := withBarriers(r.prog)
	w := &walk{r: r, g: g, q: graph.NewQueue(g), barriers: barriers,
		state: make([]event.State, len(r.prog.Vertices)), failed: make([]int, len(r.prog.Steps)),
		spent: make([]bool, len(r.prog.Steps)), hosts: make([]hostQueue, len(r.nodes)),
		results: make(chan result, len(r.nodes)), left: make([]int, len(r.nodes))}
	for _, x := range r.prog.Vertices {
		w.left[x.Host]++
	}
	return w
}

// known finishes the vertices whose end is known before anything starts.
func (w *walk) known() {
	for v := range w.r.plan.Vertices {
		p := w.r.plan.Vertices[v]
		switch n := w.r.nodes[w.r.prog.Vertices[v].Host]; {
		case p.State != "" && p.State != event.Failed:
			w.finish(int32(v), p.State)
		case n.state == event.Unreachable:
			w.finish(int32(v), event.Unreachable)
		case n.state == event.Failed:
			w.failNode(n)
		case p.State == event.Failed:
			w.report(int32(v), event.Failed, wire.Done{Failure: p.Failure})
		}
	}
}

// beginAll tells every node with work that the plan is approved. A node starts
// with its first step as soon as it alone is ready.
func (w *walk) beginAll(ctx context.Context) {
	for _, n := range w.r.nodes {
		if n.state == event.Ready && w.left[n.host] > 0 {
			w.launch(n.host, func() result {
				return result{host: n.host, vertex: beginning, err: n.retry(ctx, func() error { return n.begin(ctx) })}
			})
		}
	}
}

func (w *walk) launch(h int32, f func() result) {
	w.hosts[h].busy = true
	w.busy++
	go func() { w.results <- f() }()
}

// settle moves everything that became ready to its host, and passes barriers.
func (w *walk) settle() {
	for {
		id, ok := w.q.Pop()
		switch {
		case !ok:
			return
		case int(id) >= len(w.state):
			w.pass(id)
		case w.state[id] == "":
			h := w.r.prog.Vertices[id].Host
			heap.Push(&w.hosts[h].ready, id)
			w.idle = append(w.idle, h)
		}
	}
}

// dispatch starts the next step on every idle host. All intents are on disk
// before the first of them starts.
func (w *walk) dispatch(ctx context.Context) {
	var start []int32
	var later []int32
	for _, h := range w.idle {
		v, ok := w.next(h)
		switch {
		case !ok:
		case w.busy+len(start) >= w.r.parallel():
			heap.Push(&w.hosts[h].ready, v)
			later = append(later, h)
		default:
			w.hosts[h].busy = true
			start = append(start, v)
			w.r.emitVertex(v, event.Event{Kind: event.StepStart})
		}
	}
	w.idle = later
	if len(start) == 0 {
		return
	}
	if err := w.r.log.sync(); err != nil {
		w.halt(event.Failed, err.Error())
		return
	}
	for _, v := range start {
		w.start(ctx, v)
	}
}

// next takes the first ready vertex of a host that can work.
func (w *walk) next(h int32) (int32, bool) {
	q := &w.hosts[h]
	for !q.busy && len(q.ready) > 0 {
		if v := heap.Pop(&q.ready).(int32); w.state[v] == "" {
			return v, true
		}
	}
	return 0, false
}

// start runs a vertex in a goroutine of its own, under a limit that the agent's
// own time-out stays below.
func (w *walk) start(ctx context.Context, v int32) {
	x := w.r.prog.Vertices[v]
	n, step := w.r.nodes[x.Host], w.r.prog.Steps[x.Step]
	limit := step.Timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	w.launch(x.Host, func() result {
		res := result{host: x.Host, vertex: v}
		res.err = n.retry(ctx, func() (err error) {
			limited, cancel := context.WithTimeoutCause(ctx, limit+timeoutGrace, errSilent)
			defer cancel()
			res.done, err = n.do(limited, v, step.Name)
			if err != nil && context.Cause(limited) == errSilent {
				return &breach{"no end of the step within " + (limit + timeoutGrace).Round(time.Second).String()}
			}
			return err
		})
		return res
	})
}

// verts is a heap of vertex ids: earlier in the program first.
type verts []int32

func (h verts) Len() int           { return len(h) }
func (h verts) Less(i, j int) bool { return h[i] < h[j] }
func (h verts) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *verts) Push(x any)        { *h = append(*h, x.(int32)) }
func (h *verts) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
