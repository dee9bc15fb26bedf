package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/integration/workload"
)

// rounds are the seconds of each tool's runs.
type rounds map[string][]float64

// note is the median of a tool as a figure, if it was measured.
func (r rounds) note(prefix, tool string) Figure {
	return note(prefix+tool+"_s", medianOf(r[tool]), "s")
}

// ratio is the median of one tool over that of another.
func (r rounds) ratio(of, to string) float64 { return medianOf(r[of]) / medianOf(r[to]) }

// first measures first applies: before each, the nodes lose the workload and what
// the tools left of themselves. What each tool makes must be what muster makes.
func (p *peers) first(ctx context.Context) ([]Figure, error) {
	tools := []string{byMuster, byAnsible, byMitogen, byShell}
	got, most := rounds{}, dearRounds
	if p.short {
		most = dearRoundsShort
	}
	var reference map[string]string
	began, longest := time.Now(), time.Duration(0)
	for round := 0; round < most && (round == 0 || time.Since(began)+longest < firstTime); round++ {
		p.say("   first apply, round %d", round+1)
		start := time.Now()
		for _, tool := range tools {
			seconds, look, err := p.firstBy(ctx, tool)
			if err != nil {
				return nil, err
			}
			if reference == nil {
				reference = look
			}
			if err := same(reference, look); err != nil {
				return nil, fmt.Errorf("%s and %s make different nodes: %w", tools[0], tool, err)
			}
			got[tool] = append(got[tool], seconds)
		}
		longest = max(longest, time.Since(start))
	}
	var figures []Figure
	for _, tool := range tools {
		figures = append(figures, got.note("first_", tool))
	}
	return append(figures, note("first_rounds", float64(len(got[byMuster])), "rounds"),
		atLeast("first_vs_ansible", got.ratio(byAnsible, byMuster), "×", goalFirst)), nil
}

// firstBy takes the workload from the nodes, brings it back with a tool and looks at
// what the tool made.
func (p *peers) firstBy(ctx context.Context, tool string) (float64, map[string]string, error) {
	if err := p.c.scripts(ctx, p.nodes, workload.Reset()); err != nil {
		return 0, nil, fmt.Errorf("reset before %s: %w", tool, err)
	}
	seconds, changed, err := p.run(ctx, tool)
	if err != nil {
		return 0, nil, err
	}
	if !changed && tool != byShell {
		return 0, nil, fmt.Errorf("%s: changed nothing on bare nodes", tool)
	}
	look, err := p.c.looks(ctx, p.nodes, workload.Look(false))
	return seconds, look, err
}

// noop measures applies that find nothing to do. Nodes are compared before and after
// all of them, with the times of files: nothing may have been written.
func (p *peers) noop(ctx context.Context) ([]Figure, error) {
	// Whatever made the nodes last, muster has nothing to do, and its agent is there.
	_, changed, err := p.run(ctx, byMuster)
	if err == nil && changed {
		err = errors.New("muster finds something to do after another tool")
	}
	if err != nil {
		return nil, err
	}
	before, err := p.c.looks(ctx, p.nodes, workload.Look(true))
	if err != nil {
		return nil, err
	}
	got, err := p.noopRounds(ctx)
	if err != nil {
		return nil, err
	}
	after, err := p.c.looks(ctx, p.nodes, workload.Look(true))
	if err != nil {
		return nil, err
	}
	if err := same(before, after); err != nil {
		return nil, fmt.Errorf("something was changed: %w", err)
	}
	var figures []Figure
	for _, tool := range []string{byMuster, byShell, byHandshake, byAnsible, byMitogen} {
		figures = append(figures, got.note("noop_", tool))
	}
	return append(figures,
		atMost("noop_vs_shell", got.ratio(byMuster, byShell), "×", goalShell),
		atMost("noop_vs_handshake", got.ratio(byMuster, byHandshake), "×", goalHandshake),
		atLeast("noop_vs_ansible", got.ratio(byAnsible, byMuster), "×", goalAnsible),
		atLeast("noop_vs_mitogen", got.ratio(byMitogen, byMuster), "×", goalMitogen)), nil
}

// noopRounds runs the tools in turn; Ansible and Mitogen take part in the first rounds.
func (p *peers) noopRounds(ctx context.Context) (rounds, error) {
	got, cheap, dear := rounds{}, cheapRounds, dearRounds
	if p.short {
		cheap, dear = cheapRoundsShort, dearRoundsShort
	}
	for round := range cheap {
		p.say("   no-op, round %d", round+1)
		tools := []string{byMuster, byShell, byHandshake}
		if round < dear {
			tools = append(tools, byAnsible, byMitogen)
		}
		for _, tool := range tools {
			seconds, changed, err := p.run(ctx, tool)
			if err != nil {
				return nil, err
			}
			if changed {
				return nil, fmt.Errorf("%s: changed something", tool)
			}
			got[tool] = append(got[tool], seconds)
		}
	}
	return got, nil
}

// same compares looks at the nodes.
func same(was, is map[string]string) error {
	for node, text := range was {
		if difference := firstDifference(text, is[node]); difference != "" {
			return fmt.Errorf("%s: %s", node, difference)
		}
	}
	return nil
}
