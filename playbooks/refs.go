package playbooks

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// refs is what an expression depends on, through locals and function calls too.
type refs struct {
	host bool // host
	// paths are the parts of host that stand in it, unless whole says that it takes more
	// of host than parts with a name.
	paths []hostPath
	whole bool
	facts bool // host.facts, outside try and the like
	fleet bool // hosts()
	// vars are the host.vars.NAME that must exist for the expression to have a value.
	vars []varRef
	// locals are the names that stand in it.
	locals []string
	// wrong are references that only after and after_all may have.
	wrong []hcl.Traversal
}

type varRef struct {
	name string
	rng  hcl.Range
}

// findRefs reads the dependencies off an expression. Traversals come scoped, so
// the h of `[for h in ...]` is none; calls are no variables, so they are walked.
func findRefs(expr hcl.Expression) *refs {
	r := &refs{}
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return r
	}
	w := &walker{refs: r}
	_ = hclsyntax.Walk(node, w)
	for _, t := range expr.Variables() {
		r.traversal(t, w.covers(t.SourceRange()))
	}
	return r
}

func (r *refs) traversal(t hcl.Traversal, guarded bool) {
	switch t.RootName() {
	case "local":
		if name := attrName(t, 1); name != "" {
			r.locals = addNew(r.locals, name)
		}
	case "step", "use":
		r.wrong = append(r.wrong, t)
	case "host":
		r.host = true
		first := attrName(t, 1)
		path, ok := pathOf(first, attrName(t, 2))
		r.paths, r.whole = append(r.paths, path), r.whole || !ok
		r.facts = r.facts || first == "facts" && !guarded
		if name := attrName(t, 2); first == "vars" && name != "" && !guarded {
			r.vars = append(r.vars, varRef{name, t.SourceRange()})
		}
	}
}

// add takes over the dependencies of a local that the expression names.
func (r *refs) add(of *refs) {
	r.host = r.host || of.host
	r.paths, r.whole = addNew(r.paths, of.paths...), r.whole || of.whole
	r.facts = r.facts || of.facts
	r.fleet = r.fleet || of.fleet
	r.vars = addNew(r.vars, of.vars...)
	r.locals = addNew(r.locals, of.locals...)
}

// addNew appends what is not there yet: locals that name one another twice would
// otherwise double the list at each level.
func addNew[T comparable](list []T, more ...T) []T {
	for _, x := range more {
		if !slices.Contains(list, x) {
			list = append(list, x)
		}
	}
	return list
}

// attrName is the attribute at place i of a traversal, "" when there is none.
func attrName(t hcl.Traversal, i int) string {
	if i >= len(t) {
		return ""
	}
	a, ok := t[i].(hcl.TraverseAttr)
	if !ok {
		return ""
	}
	return a.Name
}

// walker notes calls, and the places where a missing variable is no mistake:
// inside try and can, in the arms of a conditional and in a loop.
type walker struct {
	refs    *refs
	guarded []hcl.Range
}

// Enter is called for each node on the way down.
func (w *walker) Enter(node hclsyntax.Node) hcl.Diagnostics {
	switch n := node.(type) {
	case *hclsyntax.FunctionCallExpr:
		w.refs.fleet = w.refs.fleet || n.Name == "hosts"
		if n.Name == "try" || n.Name == "can" {
			w.guarded = append(w.guarded, n.Range())
		}
	case *hclsyntax.ConditionalExpr:
		w.guarded = append(w.guarded, n.TrueResult.Range(), n.FalseResult.Range())
	case *hclsyntax.ForExpr:
		w.guarded = append(w.guarded, n.Range())
	}
	return nil
}

// Exit is called for each node on the way up.
func (w *walker) Exit(hclsyntax.Node) hcl.Diagnostics { return nil }

func (w *walker) covers(rng hcl.Range) bool {
	for _, g := range w.guarded {
		if g.Filename == rng.Filename && g.Start.Byte <= rng.Start.Byte && rng.End.Byte <= g.End.Byte {
			return true
		}
	}
	return false
}
