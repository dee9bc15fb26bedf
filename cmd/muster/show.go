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
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && run.IsSaved(args[0]) {
				saved, err := run.ReadSaved(args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "Saved %s: %s for inventory %s\n", time.Unix(saved.Made, 0).Format(time.RFC3339),
					view.Line(saved.Source.Playbook), view.Line(saved.Source.Inventory))
				return a.showEvents(saved.Events, false)
			}
			inv, err := a.loadInventory()
			if err != nil {
				return err
			}
			if len(args) == 0 {
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
			return a.showEvents(j.Events, true)
		},
	}
}

// showEvents shows events again, as they were shown when they happened.
func (a *app) showEvents(events []event.Event, whole bool) error {
	plan, lines, report := view.NewPlan(a.paint), view.NewLines(a.out, a.paint), view.NewReport(a.paint)
	plan.All = a.flags.verbose
	ended := false
	for _, e := range events {
		if a.json != nil {
			a.json.Emit(e)
			continue
		}
		plan.Emit(e)
		report.Emit(e)
		switch {
		case e.Kind == event.PlanDone:
			if err := plan.Write(a.out); err != nil {
				return err
			}
			fmt.Fprintln(a.out)
		case whole:
			lines.Emit(e)
		}
		ended = e.Kind == event.RunSummary
	}
	if a.json != nil || !whole {
		return nil
	}
	if !ended {
		fmt.Fprintln(a.out, "This run was cut off. Go on with: muster resume")
		return nil
	}
	return report.Write(a.out)
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
