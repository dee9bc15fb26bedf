package lang

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"muster/inventory/hostlist"
)

// stringFunc makes a function of strings with a fixed result type.
func stringFunc(result cty.Type, call func(args []string) (cty.Value, error), params ...string) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(result)}
	for _, name := range params {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.String})
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		texts := make([]string, len(args))
		for i, a := range args {
			texts[i] = a.AsString()
		}
		return call(texts)
	}
	return function.New(spec)
}

var startsWithFunc = stringFunc(cty.Bool, func(a []string) (cty.Value, error) {
	return cty.BoolVal(strings.HasPrefix(a[0], a[1])), nil
}, "string", "prefix")

var endsWithFunc = stringFunc(cty.Bool, func(a []string) (cty.Value, error) {
	return cty.BoolVal(strings.HasSuffix(a[0], a[1])), nil
}, "string", "suffix")

var sha256Func = stringFunc(cty.String, func(a []string) (cty.Value, error) {
	sum := sha256.Sum256([]byte(a[0]))
	return cty.StringVal(hex.EncodeToString(sum[:])), nil
}, "string")

var base64EncodeFunc = stringFunc(cty.String, func(a []string) (cty.Value, error) {
	return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(a[0]))), nil
}, "string")

var base64DecodeFunc = stringFunc(cty.String, func(a []string) (cty.Value, error) {
	b, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "not base64")
	}
	if !utf8.Valid(b) {
		return cty.NilVal, function.NewArgErrorf(0, "the decoded bytes are not UTF-8 text")
	}
	return cty.StringVal(string(b)), nil
}, "string")

var expandFunc = stringFunc(cty.List(cty.String), func(a []string) (cty.Value, error) {
	names, err := hostlist.Expand(a[0])
	if err != nil || len(names) == 0 {
		return cty.ListValEmpty(cty.String), err
	}
	out := make([]cty.Value, len(names))
	for i, n := range names {
		out[i] = cty.StringVal(n)
	}
	return cty.ListVal(out), nil
}, "range")

var foldFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "names", Type: cty.List(cty.String)}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		var names []string
		for _, v := range args[0].AsValueSlice() {
			if v.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "a name is null")
			}
			if !v.IsKnown() {
				return cty.UnknownVal(cty.String), nil
			}
			names = append(names, v.AsString())
		}
		return cty.StringVal(hostlist.Fold(names)), nil
	},
})

// isPattern says that a string is written /like this/: a regular expression.
func isPattern(s string) bool {
	return len(s) > 1 && s[0] == '/' && s[len(s)-1] == '/'
}

var replaceFunc = stringFunc(cty.String, func(a []string) (cty.Value, error) {
	if !isPattern(a[1]) {
		return cty.StringVal(strings.ReplaceAll(a[0], a[1], a[2])), nil
	}
	return stdlib.RegexReplaceFunc.Call([]cty.Value{
		cty.StringVal(a[0]), cty.StringVal(a[1][1 : len(a[1])-1]), cty.StringVal(a[2])})
}, "string", "substring", "replacement")

var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch v := args[0]; {
		case v.Type() == cty.DynamicPseudoType:
			return cty.UnknownVal(cty.Number), nil
		case v.Type() == cty.String:
			return stdlib.StrlenFunc.Call(args)
		case v.Type().IsObjectType():
			return cty.NumberIntVal(int64(len(v.Type().AttributeTypes()))), nil
		case v.IsKnown() && !v.IsNull() && (v.Type().IsListType() || v.Type().IsTupleType()):
			return cty.NumberIntVal(int64(v.LengthInt())), nil
		default:
			return stdlib.LengthFunc.Call(args)
		}
	},
})

func boolListFunc(stopAt bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				switch {
				case !v.IsKnown():
					return cty.UnknownVal(cty.Bool), nil
				case v.IsNull():
					return cty.NilVal, function.NewArgErrorf(0, "an element is null")
				case v.True() == stopAt:
					return cty.BoolVal(stopAt), nil
				}
			}
			return cty.BoolVal(!stopAt), nil
		},
	})
}

var (
	allTrueFunc = boolListFunc(false)
	anyTrueFunc = boolListFunc(true)
)
