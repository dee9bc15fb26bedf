package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/playbooks/event"
	"muster/playbooks/run"
)

func (a *app) showVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "show [RUN | PLANFILE]",
		Short: "Show a saved plan, or what became of a run (default: list the runs)",
		Args:  arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if isSaved, err := run.IsSaved(args[0]); err != nil {
					return err
				} else if isSaved {
					return a.showSaved(args[0])
				}
			}
			inv, err := a.loadInventory()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				a.noEvents()
				ids, err := runs(inv)
				if err != nil {
					return err
				}
				for _, id := range ids {
					if err := a.showRun(runDir(inv, id)); err != nil {
						return err
					}
				}
				return nil
			}
			id, err := chooseRun(inv, args)
			if err != nil {
				return err
			}
			j, err := run.ReadJournal(filepath.Join(runDir(inv, id), run.JournalFile))
			if err != nil {
				return err
			}
			return a.showEvents(j.Events, a.resumeCommand(&work{inv: inv})+" "+id)
		},
	}
}

// showSaved shows the plan in a file.
func (a *app) showSaved(path string) error {
	saved, err := run.ReadSaved(path)
	if err != nil {
		return err
	}
	if a.json != nil {
		a.repeat(saved.Events)
		return nil
	}
	fmt.Fprintf(a.out, "Saved %s: %s for inventory %s\n", time.Unix(saved.Made, 0).Format(time.RFC3339),
		view.Line(saved.Source.Playbook), view.Line(saved.Source.Inventory))
	return a.showEvents(saved.Events, "")
}

// showEvents shows events again, as they were shown when they happened. A run that
// was resumed has several parts, each with a plan of its own; resume goes on with
// a run, "" for a saved plan.
func (a *app) showEvents(events []event.Event, resume string) error {
	if a.json != nil {
		a.repeat(events)
		return nil
	}
	lines := view.NewLines(a.out, a.paint)
	var plan *view.Plan
	var report *view.Report
	fresh := func() {
		plan, report = view.NewPlan(a.paint), view.NewReport(a.paint)
		plan.All = a.flags.verbose
	}
	fresh()
	ended, approved, ever := false, false, false // the last part, and any part
	for _, e := range events {
		switch e.Kind {
		case event.RunStart:
			fresh()
			approved = false
		case event.Approved:
			approved, ever = true, true
		}
		plan.Emit(e)
		report.Emit(e)
		switch {
		case e.Kind == event.PlanDone:
			if err := plan.Write(a.out); err != nil {
				return err
			}
			fmt.Fprintln(a.out)
		case resume != "":
			lines.Emit(e)
		}
		ended = e.Kind == event.RunSummary
	}
	if resume == "" {
		return nil
	}
	return a.showEnd(report, ended, approved, ever, resume)
}

// showEnd says how a run stands after its last part. Only a run of which some part
// was ever approved can go on.
func (a *app) showEnd(report *view.Report, ended, approved, ever bool, resume string) error {
	said := ""
	switch exit := report.Exit(); {
	case !ended && approved:
		said = "This run was cut off."
	case !ended:
		said = "Cut off before it was approved, nothing was changed."
	case approved || exit == run.ExitOK:
		return report.Write(a.out)
	case exit == run.ExitDeclined:
		said = "Declined, nothing was changed."
	case exit == run.ExitInterrupted:
		said = "Interrupted before it was approved, nothing was changed."
	default:
		said = fmt.Sprintf("Ended before it was approved (exit %d), nothing was changed.", exit)
	}
	if ever {
		said += " Go on with: " + view.Line(resume)
	}
	_, err := fmt.Fprintln(a.out, said)
	return err
}

// repeat writes events as one stream: one version first, one summary last.
func (a *app) repeat(events []event.Event) {
	for i, e := range events {
		switch {
		case e.Kind == event.KindVersion:
		case e.Kind == event.RunSummary && i < len(events)-1: // of a part that was resumed
		default:
			a.json.Again(e)
		}
	}
}

// showRun is one line about a run.
func (a *app) showRun(dir string) error {
	j, err := run.ReadJournal(filepath.Join(dir, run.JournalFile))
	if err != nil || len(j.Events) == 0 {
		return err
	}
	end := "cut off"
	if j.Exit >= 0 {
		end = fmt.Sprintf("exit %d", j.Exit)
	}
	first := j.Events[0]
	command := ""
	for _, e := range j.Events {
		if e.Kind == event.RunStart {
			command = e.Text
			break
		}
	}
	_, err = fmt.Fprintf(a.out, "%s  %s  %-8s  %s\n", view.Line(j.Run), first.Time.Local().Format(time.DateTime), end, view.Line(command))
	return err
}
