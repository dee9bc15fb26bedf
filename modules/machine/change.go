package machine

// Outcome says how a planned change ended in an apply.
type Outcome string

// The outcomes of rule 3 (see ARCHITECTURE.md). A plan leaves them empty.
const (
	Planned   Outcome = ""
	Written   Outcome = "written"    // muster wrote it
	Brought   Outcome = "brought"    // something planned before (a package) had already made it so
	NotNeeded Outcome = "not needed" // it was unknown in the plan and turned out to be right
	Repair    Outcome = "repair"     // not in the plan: put back what an installed package had reset
)

// Change is one difference between what is and what is wanted. Was and Want
// hold only the fields that differ; a nil Was is a thing that did not exist, a
// nil Want one that goes.
type Change struct {
	Table string `cbor:"t" json:"table"`
	Key   string `cbor:"k" json:"key"`
	// Nth counts changes of the same table and key within a step, from 0.
	Nth  int   `cbor:"n,omitempty" json:"nth,omitempty"`
	Was  State `cbor:"was" json:"was"`
	Want State `cbor:"want" json:"want"`
	// Note is what the change means for a running thing, for people, such as
	// "restart (slurm.conf)" or "reload (slurm.conf)".
	Note    string  `cbor:"note,omitempty" json:"note,omitempty"`
	Outcome Outcome `cbor:"out,omitempty" json:"outcome,omitempty"`
	// Opaque marks a command that always runs.
	Opaque bool `cbor:"opaque,omitempty" json:"opaque,omitempty"`
}

// Ref is the thing that changes.
func (c Change) Ref() Ref { return Ref{c.Table, c.Key} }

// Same reports whether two changes are the same one: identity, Was and Want
// equal, where an unknown value matches anything (outcomes are not compared).
func (c Change) Same(o Change) bool {
	return c.Table == o.Table && c.Key == o.Key && c.Nth == o.Nth &&
		sameState(c.Was, o.Was) && sameState(c.Want, o.Want)
}

func sameState(a, b State) bool {
	if (a == nil) != (b == nil) {
		return a.Unknown() || b.Unknown()
	}
	for f, v := range a {
		w, ok := b[f]
		if !ok {
			if v.Unknown {
				continue
			}
			return false
		}
		if !v.Matches(w) {
			return false
		}
	}
	for f, w := range b {
		if _, ok := a[f]; !ok && !w.Unknown {
			return false
		}
	}
	return true
}
