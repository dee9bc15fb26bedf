package run

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"muster/playbooks/event"
)

// law is a random program with random trouble, run once.
type law struct {
	b    *builder
	f    *fleet
	e    *events
	sum  event.Summary
	bad  map[string]bool // vertices told to fail
	down map[string]bool
}

func drawLaw(t *rapid.T) *law {
	hosts := []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(1, 5).Draw(t, "hosts")]
	n := rapid.IntRange(1, 5).Draw(t, "steps")
	var steps []string
	all := ""
	for _, h := range hosts {
		all += " " + h
	}
	for s := range n {
		line := fmt.Sprintf("s%d:", s)
		for _, h := range hosts {
			if rapid.IntRange(0, 3).Draw(t, "on") > 0 {
				line += " " + h
			}
		}
		steps = append(steps, line)
	}
	l := &law{b: build(all, steps...), f: newFleet(), bad: map[string]bool{}, down: map[string]bool{}}
	for later := range n {
		for earlier := range later {
			switch rapid.IntRange(0, 4).Draw(t, "edge") {
			case 0:
				l.b.after(fmt.Sprintf("s%d", later), fmt.Sprintf("s%d", earlier))
			case 1:
				l.b.afterAll(fmt.Sprintf("s%d", later), fmt.Sprintf("s%d", earlier))
			}
		}
		s := &l.b.p.Steps[later]
		s.Batch, s.MaxFail = rapid.IntRange(0, 3).Draw(t, "batch"), rapid.IntRange(0, 2).Draw(t, "max_fail")
	}
	for v := range l.b.p.Vertices {
		name := l.b.p.Name(int32(v))
		switch rapid.IntRange(0, 9).Draw(t, "fate") {
		case 0:
			l.f.trouble[name], l.bad[name] = "fail", true
		case 1, 2:
			l.f.clean[name] = true
		case 3:
			l.f.trouble[name] = "cut"
		}
	}
	for _, h := range hosts {
		if rapid.IntRange(0, 7).Draw(t, "down") == 0 {
			l.f.down[h], l.down[h] = true, true
		}
	}
	return l
}

// end is how a vertex ended, from the run's own books and the nodes' memory.
func (l *law) state(v int32) event.State { return l.e.states()[l.b.p.Name(v)] }

func TestLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLaw(rt)
		synctest.Test(t, func(t *testing.T) {
			l.e = &events{}
			sum, err := Run(t.Context(), l.b.p, l.f, Options{Mode: "apply", Sink: l.e, Approve: yes})
			if err != nil {
				rt.Fatalf("run: %v", err)
			}
			l.sum = sum
		})
		l.needsBeforeVertex(rt)
		l.nothingLost(rt)
		l.budgetKept(rt)
		l.exitCode(rt)
	})
}

// needsBeforeVertex: a vertex ran only after everything it needs, and only when
// that had succeeded.
func (l *law) needsBeforeVertex(t *rapid.T) {
	for _, edge := range l.b.edges {
		before, after := l.b.p.Name(edge[0]), l.b.p.Name(edge[1])
		ran := slices.Index(l.f.did, after)
		if ran < 0 {
			continue
		}
		if first := slices.Index(l.f.did, before); first > ran || l.bad[before] && first >= 0 {
			t.Fatalf("%s ran before or without %s: %v", after, before, l.f.did)
		}
	}
	for i, name := range l.f.did {
		if slices.Contains(l.f.did[i+1:], name) {
			t.Fatalf("%s ran twice: %v", name, l.f.did)
		}
	}
}

// nothingLost: the summary accounts for every vertex.
func (l *law) nothingLost(t *rapid.T) {
	s := l.sum
	unreachable := 0
	for _, x := range l.b.p.Vertices {
		if l.down[l.b.p.Hosts[x.Host].Name] {
			unreachable++
		}
	}
	if got := s.OK + s.Changed + s.Failed + s.Skipped + s.Held + unreachable; got != s.Vertices {
		t.Fatalf("%d of %d vertices accounted for: %+v\n%s", got, s.Vertices, s, l.e.text())
	}
}

// budgetKept: nothing ran behind a step that failed on more hosts than may.
func (l *law) budgetKept(t *rapid.T) {
	for _, pair := range l.b.p.AfterAll {
		waited := l.b.p.Steps[pair[1]]
		failed := 0
		for _, v := range waited.Vertices {
			host := l.b.p.Hosts[l.b.p.Vertices[v].Host].Name
			if s := l.state(v); l.down[host] || s == event.Failed || s == event.Held {
				failed++
			}
		}
		if failed <= waited.MaxFail {
			continue
		}
		for _, v := range l.b.p.Steps[pair[0]].Vertices {
			if name := l.b.p.Name(v); slices.Contains(l.f.did, name) {
				t.Fatalf("%s ran though %s failed on %d hosts, %d may", name, waited.Name, failed, waited.MaxFail)
			}
		}
	}
	for _, s := range l.b.p.Steps {
		if s.Batch > 0 && l.f.peak[s.Name] > s.Batch {
			t.Fatalf("%s ran on %d hosts at once, batch is %d", s.Name, l.f.peak[s.Name], s.Batch)
		}
	}
}

func (l *law) exitCode(t *rapid.T) {
	want := ExitOK
	switch {
	case l.sum.Failed > 0:
		want = ExitFailed
	case len(l.sum.Unreachable) > 0:
		want = ExitUnreachable
	}
	if l.sum.Exit != want {
		t.Fatalf("exit %d, want %d: %+v", l.sum.Exit, want, l.sum)
	}
}
