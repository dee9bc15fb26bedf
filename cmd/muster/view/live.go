package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/playbooks/event"
)

// liveRows is the height of the live block: it never grows with the number of
// nodes.
const liveRows = 6

// Live keeps a block of fixed height at the bottom of a terminal: how far the run
// is, and which steps run where. Lines are written above it through Write.
type Live struct {
	mu      sync.Mutex
	w       io.Writer
	width   func() int
	paint   Paint
	now     func() time.Time
	active  bool
	shown   int // rows on the screen now
	start   time.Time
	nodes   map[string]event.State
	running map[string]map[string]time.Time // step to host to start
	ended   map[event.State]int
	total   int // vertices that have to change
	over    chan struct{}
	once    sync.Once
}

// NewLive draws on w, which is width() columns wide, until Stop.
func NewLive(w io.Writer, p Paint, width func() int) *Live {
	l := &Live{w: w, width: width, paint: p, now: time.Now, nodes: map[string]event.State{},
		running: map[string]map[string]time.Time{}, ended: map[event.State]int{}, over: make(chan struct{})}
	go l.tick()
	return l
}

func (l *Live) tick() {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			l.Draw()
		case <-l.over:
			return
		}
	}
}

// Stop removes the block.
func (l *Live) Stop() {
	l.once.Do(func() { close(l.over) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = false
	l.erase()
}

// Emit implements event.Sink.
func (l *Live) Emit(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case event.RunStart, event.Approved:
		l.active, l.start = true, e.Time
	case event.PlanDone:
		l.total = e.Summary.Changed
		l.rest() // the plan and the prompt come now
	case event.RunSummary:
		l.rest()
	case event.NodeState:
		l.nodes[e.Host] = e.State
	case event.StepStart:
		if l.running[e.Step] == nil {
			l.running[e.Step] = map[string]time.Time{}
		}
		l.running[e.Step][e.Host] = e.Time
	case event.StepResult:
		l.ended[e.State]++
		delete(l.running[e.Step], e.Host)
		if len(l.running[e.Step]) == 0 {
			delete(l.running, e.Step)
		}
	}
}

func (l *Live) rest() {
	l.active = false
	l.erase()
}

// Write puts text above the block.
func (l *Live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	return l.w.Write(p)
}

// erase removes the block and leaves the cursor where it began.
func (l *Live) erase() {
	if l.shown > 0 {
		_, _ = fmt.Fprintf(l.w, "\x1b[%dA\x1b[J", l.shown) // a closed screen does not stop a run
		l.shown = 0
	}
}

// Draw shows the block as it is now.
func (l *Live) Draw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.active {
		return
	}
	rows := l.rows()
	width := max(20, l.width())
	for i, row := range rows {
		rows[i] = l.paint.dim.Render(fit(row, width-1))
	}
	l.erase()
	_, _ = io.WriteString(l.w, strings.Join(rows, "\n")+"\n")
	l.shown = len(rows)
}

// rows are at most liveRows: the state of all, and the steps that run longest.
func (l *Live) rows() []string {
	out := []string{l.progress()}
	now := l.now()
	since := func(step string) time.Time {
		return slices.MinFunc(slices.Collect(maps.Values(l.running[step])), time.Time.Compare)
	}
	steps := slices.Sorted(maps.Keys(l.running))
	slices.SortStableFunc(steps, func(a, b string) int { return since(a).Compare(since(b)) })
	for i, step := range steps {
		if len(out) == liveRows-1 && len(steps)-i > 1 {
			return append(out, fmt.Sprintf("   … and %d more steps", len(steps)-i))
		}
		out = append(out, fmt.Sprintf("   %4ds  %s on %s", int(now.Sub(since(step)).Seconds()), Line(step),
			nodes(slices.Collect(maps.Keys(l.running[step])))))
	}
	return out
}

func (l *Live) progress() string {
	states := map[event.State]int{}
	for _, s := range l.nodes {
		states[s]++
	}
	parts := []string{fmt.Sprintf("%ds", int(l.now().Sub(l.start).Seconds()))}
	if l.total > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d steps changed", l.ended[event.Changed], l.total))
	}
	for _, s := range []event.State{event.Failed, event.Held} {
		if n := l.ended[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	for _, s := range []event.State{event.Connecting, event.Ready, event.Finished, event.Lost, event.Unreachable, event.Locked} {
		if n := states[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", count(n, "node", "nodes"), s))
		}
	}
	return "── " + strings.Join(parts, " · ")
}

// fit cuts a row to the width of the terminal: a row that wraps would break the
// block.
func fit(row string, width int) string {
	runes := []rune(row)
	if len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return row
}
