package run

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"muster/playbooks/event"
)

// TestHostWithoutConfigurationFailsAlone: what a node says of itself may break an
// expression for that node, and for no other.
func TestHostWithoutConfigurationFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b c", "one: a b c"), newFleet()
		b.refused = map[string]string{"b": "play.hcl:3,9: invalid index: the collection has no elements"}
		sum, e := apply(t, b, f, ExitFailed)
		expectStates(t, e, "one@a=changed one@b=failed one@c=changed")
		if sum.Failed != 1 || !e.has(event.NodeState, "play.hcl:3,9: invalid index") {
			t.Errorf("summary %+v\n%s", sum, e.text())
		}
	})
}

// TestConfigurationThatFitsNoHost: then it is the configuration that is wrong. Each
// cause is told once, in the events too.
func TestConfigurationThatFitsNoHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, e := build("n1 n2 n3", "one: n1 n2 n3"), newFleet(), &events{}
		b.refused = map[string]string{"n1": "play.hcl:3,9: x", "n2": "play.hcl:3,9: x", "n3": "play.hcl:4,9: y"}
		sum, err := Run(t.Context(), b.p, f, Options{Sink: e})
		if err == nil || sum.Exit != ExitUsage || err.Error() != "n[1-2]: play.hcl:3,9: x\nn3: play.hcl:4,9: y" {
			t.Errorf("exit %d, error %v", sum.Exit, err)
		}
		if !e.has(event.DiagnosticMsg, "n[1-2]: play.hcl:3,9: x") || e.all[len(e.all)-1].Kind != event.RunSummary {
			t.Errorf("events\n%s", e.text())
		}
	})
}

// TestFactsStayWhatThePlanWasMadeFrom: a host that has nothing to change is left
// before the secrets are made, and another may have come back with other facts.
// The configurations are completed with the facts of the plan all the same.
func TestFactsStayWhatThePlanWasMadeFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a b c", "one: a b c"), newFleet()
		f.clean["one@b"] = true
		v := slices.IndexFunc(b.p.Steps[0].Vertices, func(v int32) bool { return b.p.Name(v) == "one@a" })
		b.pending[b.p.Steps[0].Vertices[v]] = true
		apply(t, b, f, ExitOK, func(o *Options) {
			o.Approve = func(context.Context, *Plan) (string, error) {
				f.odd = map[string]bool{"a": true, "c": true} // whoever says hello from here on lies
				return "test", nil
			}
		})
		last := b.seen[len(b.seen)-1]
		if !b.made || len(last) != 3 || last["b"].Hostname != "b" || last["a"].Hostname != "a" {
			t.Errorf("made %v, facts %+v", b.made, last)
		}
	})
}

// TestSecretsThatCannotBeMade: the run was approved, so it can go on.
func TestSecretsThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := build("a", "one: a"), newFleet()
		b.pending[0] = true
		b.p.Bind = unmade{b}
		sum, err := Run(t.Context(), b.p, f, Options{Mode: "apply", Approve: yes})
		if err == nil || sum.Exit != ExitFault || sum.Resume == "" || len(f.did) != 0 {
			t.Errorf("summary %+v, error %v", sum, err)
		}
	})
}

type unmade struct{ *builder }

func (unmade) Materialise(context.Context) error { return errors.New("disk full") }
