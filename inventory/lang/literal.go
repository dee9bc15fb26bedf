package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Literal reads one value in the syntax of the language, such as a list: what
// stands behind -e NAME=. Name is what diagnostics call it.
func Literal(name, text string) (cty.Value, hcl.Diagnostics) {
	file, diags := Parse(name, []byte("value = "+text+"\n"))
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	attrs, diags := file.Body.JustAttributes()
	if !diags.HasErrors() && (len(attrs) != 1 || attrs["value"] == nil) {
		diags = hcl.Diagnostics{Diag("One value is needed", fmt.Sprintf("%s holds more than a value.", name), hcl.Range{Filename: name})}
	}
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return Eval(attrs["value"].Expr, nil)
}
