package lang

import (
	"fmt"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	// MaxValue is the largest value of one expression or function, in bytes as
	// Size counts them.
	MaxValue = 16 << 20
	// EvalTime is how long one expression may take.
	EvalTime = 30 * time.Second
	// evalHeap is how much the heap may grow, in bytes, while one slow expression
	// runs: that, and evalShare times what it had. Facts and names of ten thousand
	// hosts need much and have much; a few hosts need little.
	evalHeap  = 48 << 20
	evalShare = 6
	// evalTick is how often a slow expression is looked at.
	evalTick = 50 * time.Millisecond
)

type result struct {
	value cty.Value
	diags hcl.Diagnostics
}

// Eval evaluates an expression within a time, a memory and a value limit. A
// panic of a function is a diagnostic. The value is cty.DynamicVal with errors.
// An expression that ran into a limit goes on in the background until the
// process ends: the caller is expected to report and stop.
func Eval(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	var r result
	if cheap(expr) {
		r = evaluate(expr, ctx)
	} else {
		r = evalLimited(expr, ctx, EvalTime)
	}
	if r.diags.HasErrors() {
		return cty.DynamicVal, hideSensitive(suggestNames(r.diags), expr, ctx)
	}
	if Size(r.value) > MaxValue {
		return cty.DynamicVal, append(r.diags, Diag("Value too large",
			fmt.Sprintf("A value may have %d MiB.", MaxValue>>20), expr.Range()))
	}
	return r.value, r.diags
}

// cheap says that an expression is a literal or a plain reference, which needs
// no watching: most are.
func cheap(expr hcl.Expression) bool {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return e.IsStringLiteral()
	}
	return false
}

func evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (r result) {
	defer func() {
		if cause := recover(); cause != nil {
			r = result{cty.DynamicVal, hcl.Diagnostics{panicDiag(cause, expr.Range())}}
		}
	}()
	v, diags := expr.Value(ctx)
	return result{v, diags}
}

// evalLimited evaluates beside a clock. HCL cannot be interrupted, so what runs
// too long is left behind.
func evalLimited(expr hcl.Expression, ctx *hcl.EvalContext, limit time.Duration) result {
	done := make(chan result, 1)
	go func() { done <- evaluate(expr, ctx) }()
	tick := time.NewTicker(evalTick)
	defer tick.Stop()
	start, heap := time.Now(), uint64(0)
	for {
		select {
		case r := <-done:
			return r
		case <-tick.C:
		}
		now := heapBytes()
		if heap == 0 {
			heap = now
		}
		if time.Since(start) > limit {
			return result{cty.DynamicVal, hcl.Diagnostics{Diag("Expression takes too long",
				fmt.Sprintf("An expression may take %s.", limit), expr.Range())}}
		}
		if most := evalHeap + evalShare*heap; now > heap+most {
			return result{cty.DynamicVal, hcl.Diagnostics{Diag("Expression needs too much memory",
				fmt.Sprintf("An expression of this configuration may use %d MiB while it is evaluated.", most>>20), expr.Range())}}
		}
	}
}

func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// suggestNames adds the probable name to HCL's "unsupported attribute", which
// names only what is wrong.
func suggestNames(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		if d.Expression == nil || d.EvalContext == nil || strings.Contains(d.Detail, "Did you mean") {
			continue
		}
		e, ok := d.Expression.(*hclsyntax.ScopeTraversalExpr)
		if !ok {
			continue
		}
		name, options := missingStep(e.Traversal, d.EvalContext)
		switch {
		case name == "":
		case e.Traversal.RootName() == "secret":
			d.Summary = "Unknown secret"
			d.Detail = fmt.Sprintf("The inventory has no secret %q.%s It declares one with: secret %q { generate = 32 }; or with env or file in place of generate.",
				name, DidYouMean(name, options), name)
		default:
			d.Detail += DidYouMean(name, options)
		}
	}
	return diags
}

// missingStep walks a traversal to the first attribute that its object lacks.
func missingStep(tr hcl.Traversal, ctx *hcl.EvalContext) (string, []string) {
	v := cty.NilVal
	for c := ctx; c != nil && v == cty.NilVal; c = c.Parent() {
		if found, ok := c.Variables[tr.RootName()]; ok {
			v = found
		}
	}
	if v == cty.NilVal {
		return "", nil
	}
	for _, step := range tr[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok || !v.Type().IsObjectType() || v.IsNull() || !v.IsKnown() {
			return "", nil
		}
		if !v.Type().HasAttribute(attr.Name) {
			return attr.Name, attributeNames(v.Type())
		}
		v, _ = v.Unmark()
		v = v.GetAttr(attr.Name)
	}
	return "", nil
}
