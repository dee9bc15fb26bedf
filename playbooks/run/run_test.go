package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

func yes(context.Context, *Plan) (string, error) { return "test", nil }

// apply runs b on f and checks the exit code.
func apply(t *testing.T, b *builder, f *fleet, want int, change ...func(*Options)) (event.Summary, *events) {
	t.Helper()
	e := &events{}
	o := Options{Mode: wire.Apply, Sink: e, Approve: yes}
	for _, c := range change {
		c(&o)
	}
	sum, err := Run(context.Background(), b.p, f, o)
	if err != nil || sum.Exit != want {
		t.Fatalf("exit %d, want %d (error %v)\n%s", sum.Exit, want, err, e.text())
	}
	last := e.all[len(e.all)-1]
	if last.Kind != event.RunSummary || last.Summary.Exit != want {
		t.Errorf("last event is %+v", last)
	}
	for i, x := range e.all {
		if x.Seq != e.all[0].Seq+uint64(i) {
			t.Errorf("event %d has number %d", i, x.Seq)
		}
	}
	return sum, e
}

func (e *events) text() string {
	var b strings.Builder
	for _, x := range e.all {
		b.WriteString(string(x.Kind) + " " + x.Name() + " " + x.Host + " " + string(x.State) + " " + x.Text + "\n")
	}
	return b.String()
}

func (e *events) has(kind event.Kind, text string) bool {
	return slices.ContainsFunc(e.all, func(x event.Event) bool { return x.Kind == kind && strings.Contains(x.Text, text) })
}

func expectStates(t *testing.T, e *events, want string) {
	t.Helper()
	got := e.states()
	for _, pair := range strings.Fields(want) {
		name, state, _ := strings.Cut(pair, "=")
		if string(got[name]) != state {
			t.Errorf("%s is %q, want %q", name, got[name], state)
		}
	}
}

func TestPlanChangesNothingAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b", "two: b"), newFleet()
		f.down["b"] = true
		e := &events{}
		sum, err := Run(t.Context(), b.p, f, Options{Sink: e, DetailedExit: true})
		if err != nil || sum.Exit != ExitUnreachable || sum.Changes != 1 || len(f.did) != 0 || len(f.began) != 0 {
			t.Errorf("summary %+v, error %v, did %v", sum, err, f.did)
		}
		f.down["b"] = false
		if sum, _ = Run(t.Context(), b.p, f, Options{DetailedExit: true}); sum.Exit != ExitChanges || sum.Changes != 3 {
			t.Errorf("with changes: %+v", sum)
		}
		f.clean = map[string]bool{"one@a": true, "one@b": true, "two@b": true}
		if sum, _ = Run(t.Context(), b.p, f, Options{DetailedExit: true}); sum.Exit != ExitOK || sum.OK != 3 {
			t.Errorf("without changes: %+v", sum)
		}
	})
}

func TestConvergedNodeCostsNoStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b", "two: a b").afterAll("two", "one"), newFleet()
		f.clean = map[string]bool{"one@a": true, "two@a": true, "one@b": true}
		sum, _ := apply(t, b, f, ExitOK)
		if !slices.Equal(f.did, []string{"one@b", "two@b"}) || f.began["a"] || !f.forgot["b"] || sum.Changed != 1 || sum.OK != 3 {
			t.Errorf("did %v, summary %+v, forgot %v", f.did, sum, f.forgot)
		}
	})
}

func TestFailureHoldsOnlyWhatNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := build("a b", "one: a b", "two: a b", "three: a b", "free: a").after("two", "one").after("three", "two")
		f := newFleet()
		f.trouble["one@a"] = "fail"
		sum, e := apply(t, b, f, ExitFailed)
		expectStates(t, e, "one@a=failed two@a=held three@a=held free@a=changed one@b=changed two@b=changed three@b=changed")
		if sum.Failed != 1 || sum.Held != 2 || sum.Changed != 4 || f.forgot["a"] || !f.forgot["b"] || sum.Resume == "" {
			t.Errorf("summary %+v forgot %v", sum, f.forgot)
		}
	})
}

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		maxFail, down int
		exit          int
		two           event.State
	}{{0, 0, ExitFailed, event.Held}, {1, 0, ExitFailed, event.Changed}, {1, 1, ExitFailed, event.Held}, {2, 1, ExitFailed, event.Changed}} {
		synctest.Test(t, func(t *testing.T) {
			b, f := build("a b c m", "one: a b c", "two: m").afterAll("two", "one"), newFleet()
			b.step("one").MaxFail = c.maxFail
			f.trouble["one@a"] = "fail"
			f.down["b"] = c.down > 0
			_, e := apply(t, b, f, c.exit)
			if got := e.states()["two@m"]; got != c.two {
				t.Errorf("max_fail %d, %d down: two is %s, want %s", c.maxFail, c.down, got, c.two)
			}
		})
	}
}

func TestUnreachableAloneIsFour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b"), newFleet()
		f.down["a"] = true
		sum, e := apply(t, b, f, ExitUnreachable)
		expectStates(t, e, "one@b=changed")
		if !slices.Equal(sum.Unreachable, []string{"a"}) || sum.Failed != 0 {
			t.Errorf("summary %+v", sum)
		}
	})
}

func TestBatches(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, f := build("a b c d e", "one: a b c d e", "free: a b c d e"), newFleet()
			b.step("one").Batch = 2
			if fails {
				f.trouble["one@b"] = "fail"
			}
			_, e := apply(t, b, f, map[bool]int{false: ExitOK, true: ExitFailed}[fails])
			if f.peak["one"] > 2 {
				t.Errorf("%d hosts at once in batches of 2", f.peak["one"])
			}
			if fails {
				expectStates(t, e, "one@a=changed one@b=failed one@c=held one@d=held one@e=held free@c=changed free@b=changed")
			} else if f.ended["one@e"].Before(f.ended["one@d"]) || f.ended["one@c"].Before(f.ended["one@b"]) {
				t.Errorf("batches out of order: %v", f.ended)
			}
		})
	}
}

func TestWaitingForAnotherHostDoesNotHoldUpItsHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "slow: b", "waits: a", "free: a").afterAll("waits", "slow"), newFleet()
		apply(t, b, f, ExitOK)
		if f.ended["free@a"].After(f.ended["slow@b"]) || !f.ended["waits@a"].After(f.ended["slow@b"]) {
			t.Errorf("order %v", f.did)
		}
	})
}

func TestParallelLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b c d", "one: a b c d", "two: a b c d"), newFleet()
		apply(t, b, f, ExitOK, func(o *Options) { o.Parallel = 2 })
		if f.most > 2 || len(f.did) != 8 {
			t.Errorf("%d at once, did %v", f.most, f.did)
		}
	})
}

func TestPlannedChangeThatIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		f.trouble["one@a"] = "lie"
		_, e := apply(t, b, f, ExitFailed)
		for _, x := range e.all {
			if x.Kind == event.StepResult && !strings.Contains(x.Failure.Cause, "was planned to change and did not") {
				t.Errorf("failure %+v", x.Failure)
			}
		}
	})
}

func TestLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b", "two: a b"), newFleet()
		f.trouble["one@a"] = "cut"
		sum, e := apply(t, b, f, ExitOK)
		if !e.has(event.NodeState, "connection lost") || !e.has(event.NodeState, "back") || f.dials["a"] != 2 || sum.Changed != 4 {
			t.Errorf("summary %+v, %d dials\n%s", sum, f.dials["a"], e.text())
		}
	})
}

func TestLostForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b", "two: a b"), newFleet()
		f.trouble["one@a"] = "cut-forever"
		f.onDo = func(name string) {
			if name == "one@a" {
				f.mu.Lock()
				f.down["a"] = true
				f.mu.Unlock()
			}
		}
		start := time.Now()
		sum, e := apply(t, b, f, ExitUnreachable)
		if d := time.Since(start); d < DefaultReconnect || d > DefaultReconnect+time.Minute {
			t.Errorf("tried for %v", d)
		}
		expectStates(t, e, "one@a=unreachable one@b=changed two@b=changed")
		if !slices.Equal(sum.Unreachable, []string{"a"}) || sum.Resume == "" {
			t.Errorf("summary %+v", sum)
		}
	})
}

func TestAgentThatBreaksTheProtocolFailsAlone(t *testing.T) {
	for _, trouble := range []string{"breach", "silent", "hostile"} {
		synctest.Test(t, func(t *testing.T) {
			b, f := build("a b", "one: a b", "two: a b"), newFleet()
			f.trouble["one@a"] = trouble
			_, e := apply(t, b, f, ExitFailed)
			expectStates(t, e, "one@a=failed two@a=held one@b=changed two@b=changed")
		})
	}
}

func TestFactsOutOfBoundsFailTheirNodeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b"), newFleet()
		f.odd = map[string]bool{"a": true}
		_, e := apply(t, b, f, ExitFailed, func(o *Options) {
			o.OnFacts = func(m map[string]machine.Facts) error {
				if _, bad := m["a"]; bad || len(m) != 1 {
					t.Errorf("facts kept: %v", m)
				}
				return nil
			}
		})
		expectStates(t, e, "one@a=failed one@b=changed")
	})
}

// TestClockThatIsWrong: said of the node that has it, and no failure.
func TestClockThatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b c", "one: a b c"), newFleet()
		f.skew = map[string]time.Duration{"a": -6 * time.Minute, "b": 30 * time.Second}
		_, e := apply(t, b, f, ExitOK)
		var told []string
		for _, x := range e.all {
			if x.Kind == event.Warning {
				told = append(told, x.Host+": "+x.Text)
			}
		}
		if len(told) != 1 || !strings.HasPrefix(told[0], "a: clock differs by 6m0s") {
			t.Errorf("warnings: %q", told)
		}
	})
}

func TestLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b"), newFleet()
		f.holder["b"] = &wire.Holder{Run: "r1", Who: "eve@ops", Mode: wire.Apply, Since: 1}
		_, e := apply(t, b, f, ExitLocked)
		if len(f.did)+len(f.began) != 0 || !e.has(event.NodeState, "eve@ops") {
			t.Errorf("did %v\n%s", f.did, e.text())
		}
		go func() {
			time.Sleep(20 * time.Second)
			f.mu.Lock()
			delete(f.holder, "b")
			f.mu.Unlock()
		}()
		apply(t, b, f, ExitOK, func(o *Options) { o.LockTimeout = time.Minute })
	})
}

func TestDeclined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		apply(t, b, f, ExitDeclined, func(o *Options) {
			o.Approve = func(context.Context, *Plan) (string, error) { return "", ErrDeclined }
		})
		if len(f.began) != 0 {
			t.Error("a node began")
		}
	})
}

func TestSecretsAreMadeAfterApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		b.pending[0] = true
		apply(t, b, f, ExitOK, func(o *Options) {
			o.Approve = func(context.Context, *Plan) (string, error) {
				if b.made {
					t.Error("secret made before the approval")
				}
				return "test", nil
			}
		})
		if !b.made {
			t.Error("secret was not made")
		}
	})
}

func TestSavedPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b"), newFleet()
		var saved *Saved
		apply(t, b, f, ExitDeclined, func(o *Options) {
			o.Approve = func(_ context.Context, p *Plan) (string, error) {
				saved = p.Save(Source{Playbook: "x"}, nil)
				return "", ErrDeclined
			}
		})
		path := filepath.Join(t.TempDir(), "plan")
		if err := saved.Write(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		read, rerr := ReadSaved(path)
		is, ierr := IsSaved(path)
		if err != nil || rerr != nil || info.Mode().Perm() != 0o600 || !is || ierr != nil || read.ID != saved.ID {
			t.Fatalf("file: %v %v %v", info, err, rerr)
		}
		f.moved["b"] = true
		_, e := apply(t, b, f, ExitStale, func(o *Options) { o.Expect = read })
		if !e.has(event.Warning, "one@b\n  plan: file[/one@b] created\n  now:  file[/one@b] created") || len(f.began) != 0 {
			t.Errorf("events\n%s", e.text())
		}
		f.moved["b"] = false
		apply(t, b, f, ExitStale, func(o *Options) { o.Expect, o.ExpectID = read, "00000000" })
		apply(t, b, f, ExitOK, func(o *Options) { o.Expect, o.ExpectID = read, read.ID })
	})
}

func TestInterruptOnceDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b", "two: a b"), newFleet()
		stop := make(chan struct{})
		f.onDo = func(name string) {
			if name == "one@a" {
				time.Sleep(100 * time.Millisecond) // so that b has started too
				close(stop)
			}
		}
		sum, e := apply(t, b, f, ExitInterrupted, func(o *Options) { o.Interrupt = stop })
		expectStates(t, e, "one@a=changed one@b=changed two@a= two@b=")
		if sum.Held != 2 || !strings.HasPrefix(sum.Resume, "muster resume ") || f.forgot["a"] {
			t.Errorf("summary %+v", sum)
		}
	})
}

// An interrupt that finds nothing left to start has stopped nothing.
func TestInterruptInTheLastStepIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		stop := make(chan struct{})
		f.onDo = func(string) { close(stop); time.Sleep(time.Second) }
		sum, e := apply(t, b, f, ExitOK, func(o *Options) { o.Interrupt = stop })
		expectStates(t, e, "one@a=changed")
		if sum.Resume != "" {
			t.Errorf("summary %+v", sum)
		}
	})
}

func TestInterruptTwiceDetaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		ctx, cancel := context.WithCancel(t.Context())
		f.trouble["one@a"] = "silent"
		f.onDo = func(string) { time.Sleep(time.Second); cancel() }
		start := time.Now()
		sum, err := Run(ctx, b.p, f, Options{Mode: wire.Apply, Approve: yes})
		if err != nil || sum.Exit != ExitInterrupted || time.Since(start) > 2*time.Second {
			t.Errorf("summary %+v, error %v after %v", sum, err, time.Since(start))
		}
		time.Sleep(time.Minute) // the fake node ends too
	})
}

func TestInterruptBeforeApprovalTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		stop := make(chan struct{})
		sum, _ := apply(t, b, f, ExitInterrupted, func(o *Options) {
			o.Interrupt = stop
			o.Approve = func(ctx context.Context, _ *Plan) (string, error) {
				close(stop)
				<-ctx.Done()
				return "", ctx.Err()
			}
		})
		if len(f.began) != 0 || sum.Resume != "" {
			t.Errorf("summary %+v", sum)
		}
	})
}

func TestPanicStillEndsWithASummary(t *testing.T) {
	b, f, e := build("a", "one: a"), newFleet(), &events{}
	sum, err := Run(t.Context(), b.p, f, Options{Mode: wire.Apply, Sink: e,
		Approve: func(context.Context, *Plan) (string, error) { panic("boom") }})
	if err == nil || sum.Exit != ExitFault || e.all[len(e.all)-1].Kind != event.RunSummary {
		t.Errorf("summary %+v, error %v", sum, err)
	}
}

func TestFactsOfEarlierRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b", "one: a b"), newFleet()
		f.down["b"] = true
		var saved map[string]machine.Facts
		_, e := apply(t, b, f, ExitUnreachable, func(o *Options) {
			o.Facts = map[string]Known{"b": {Facts: machine.Facts{CPUs: 4}, At: time.Now().Add(-3 * time.Hour)}}
			o.OnFacts = func(m map[string]machine.Facts) error { saved = m; return nil }
		})
		if !e.has(event.PlanNote, "facts of b are from earlier runs, the oldest 3h old") || len(saved) != 1 || saved["a"].Hostname != "a" {
			t.Errorf("saved %v\n%s", saved, e.text())
		}
	})
}

func TestJournalFaultStopsBeforeTheNextStep(t *testing.T) {
	b, f := build("a", "one: a"), newFleet()
	r, err := newRunner(b.p, f, Options{Mode: wire.Apply, Dir: t.TempDir(), Approve: yes})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	r.start()
	if exit, err := r.prepare(t.Context()); exit != -1 || err != nil {
		t.Fatalf("prepare: %d %v", exit, err)
	}
	r.log.fault(errors.New("no space left on device"))
	exit, err := r.apply(t.Context())
	if exit != ExitFault || err == nil || len(f.did) != 0 {
		t.Errorf("exit %d, error %v, did %v", exit, err, f.did)
	}
}
