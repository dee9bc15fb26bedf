package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// Figure is one row of the result.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // s, MB, KB, round trips, or × for a ratio of medians
	// Goal is nil for a figure that only explains others.
	Goal *float64 `json:"goal"`
	Met  bool     `json:"met"` // true where there is no goal

	least bool // the goal is a lower limit: ×100 faster, not ×1.2 slower
}

// note is a figure without a goal.
func note(name string, value float64, unit string) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Met: true}
}

// atMost is a figure that has to stay under its goal.
func atMost(name string, value float64, unit string, goal float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Goal: &goal, Met: value <= goal}
}

// atLeast is a figure that has to reach its goal.
func atLeast(name string, value float64, unit string, goal float64) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Goal: &goal, Met: value >= goal, least: true}
}

// slack is how far a figure may miss its goal before Far is true: the goals are for
// an idle machine, and the one that checks every change is not.
const slack = 2

// Far says whether a figure misses its goal by more than slack allows.
func (f Figure) Far() bool {
	switch {
	case f.Goal == nil:
		return false
	case f.least:
		return f.Value*slack < *f.Goal
	}
	return f.Value > *f.Goal*slack
}

// limit is the goal as text.
func (f Figure) limit() string {
	switch {
	case f.Goal == nil:
		return ""
	case f.least:
		return fmt.Sprintf("≥ %g", *f.Goal)
	}
	return fmt.Sprintf("≤ %g", *f.Goal)
}

// verdict says how a figure stands to its goal.
func (f Figure) verdict() string {
	switch {
	case f.Goal == nil:
		return ""
	case f.Met:
		return "met"
	}
	return "missed"
}

// table prints figures for people.
func table(w io.Writer, figures []Figure) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\tvalue\tunit\tgoal\t")
	for _, f := range figures {
		fmt.Fprintf(t, "%s\t%.3g\t%s\t%s\t%s\n", f.Name, f.Value, f.Unit, f.limit(), f.verdict())
	}
	return t.Flush()
}

// save writes figures as JSON.
func save(path string, figures []Figure) error {
	text, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
