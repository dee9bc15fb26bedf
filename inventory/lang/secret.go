package lang

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// sensitive is the mark of a value that must not be shown.
type sensitive struct{}

// Sensitive marks a value as one that must not be shown. The mark follows it
// through every function and template.
func Sensitive(v cty.Value) cty.Value { return v.Mark(sensitive{}) }

// IsSensitive says whether a value or a part of it is marked Sensitive.
func IsSensitive(v cty.Value) bool { return v.HasMarkDeep(sensitive{}) }

// SecretRef names a secret of the inventory. It is all that expressions ever
// see of it: the bytes are looked up by name where they are used.
type SecretRef struct {
	Name string
}

// hideSensitive takes the cause out of a failed call where a sensitive value is in
// the expression: functions quote their arguments.
func hideSensitive(diags hcl.Diagnostics, expr hcl.Expression, ctx *hcl.EvalContext) hcl.Diagnostics {
	for _, d := range diags {
		call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
		if ok && call.FunctionCallError() != nil && readsSensitive(expr, ctx) {
			d.Detail = fmt.Sprintf("Function %q failed. Why is not shown, since a sensitive value is in the expression.", call.CalledFunctionName())
		}
	}
	return diags
}

func readsSensitive(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, tr := range expr.Variables() {
		if v, diags := tr.TraverseAbs(ctx); diags.HasErrors() || IsSensitive(v) {
			return true
		}
	}
	return false
}

// SecretType is the type of `secret.NAME`: a capsule of *SecretRef. No function
// takes it and no template accepts it, so a secret cannot be built into a string.
var SecretType = cty.Capsule("secret", reflect.TypeFor[SecretRef]())

// SecretValue is the value of `secret.NAME`.
func SecretValue(name string) cty.Value {
	return cty.CapsuleVal(SecretType, &SecretRef{Name: name})
}
