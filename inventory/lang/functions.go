package lang

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Functions are the functions of the language, by the names that Terraform
// gives them. Each refuses arguments and results over MaxValue, and those whose
// result can be far larger than their arguments refuse before they begin.
// FileFunction adds `file`, which needs to know its folder.
func Functions() map[string]function.Function {
	out := map[string]function.Function{
		"can": tryfunc.CanFunc,
		"try": tryfunc.TryFunc,
		// It looks at nothing in the value, so it does not matter how large that is.
		"length": lengthFunc,
	}
	for name, f := range plainFunctions() {
		out[name] = bounded(f, guards[name])
	}
	return out
}

func plainFunctions() map[string]function.Function {
	all := map[string]function.Function{
		"replace": replaceFunc, "sha256": sha256Func, "alltrue": allTrueFunc, "anytrue": anyTrueFunc,
		"startswith": startsWithFunc, "endswith": endsWithFunc, "base64encode": base64EncodeFunc, "base64decode": base64DecodeFunc,
		"cidrhost": cidrHostFunc, "cidrsubnet": cidrSubnetFunc, "cidrnetmask": cidrNetmaskFunc,
		"fold": foldFunc, "expand": expandFunc,
		"tobool":   stdlib.MakeToFunc(cty.Bool),
		"tonumber": stdlib.MakeToFunc(cty.Number),
		"tostring": stdlib.MakeToFunc(cty.String),
		"tolist":   even(stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), cty.List),
		"toset":    even(stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), cty.Set),
		"tomap":    stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	}
	maps.Copy(all, map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "chomp": stdlib.ChompFunc, "coalesce": stdlib.CoalesceFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": distinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"floor": stdlib.FloorFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "index": indexFunc, "join": stdlib.JoinFunc,
		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "keys": stdlib.KeysFunc,
		"lookup": stdlib.LookupFunc, "lower": stdlib.LowerFunc, "max": stdlib.MaxFunc, "merge": stdlib.MergeFunc,
		"min": stdlib.MinFunc, "range": stdlib.RangeFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc,
		"sort": stdlib.SortFunc, "split": stdlib.SplitFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc,
		"zipmap": stdlib.ZipmapFunc,
	})
	return all
}

// guard looks at the arguments before a function runs.
type guard func(args []cty.Value) error

// bounded wraps a function with the size limits. The guard runs with the type
// function, since some type functions already do the work.
func bounded(f function.Function, check guard) function.Function {
	params, rest := looseAll(f)
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      params,
		VarParam:    rest,
		Type: func(args []cty.Value) (cty.Type, error) {
			left := MaxValue
			for _, a := range args {
				countSize(a, &left)
			}
			if left < 0 {
				return cty.NilType, errTooLarge
			}
			if check != nil {
				if err := check(args); err != nil {
					return cty.NilType, err
				}
			}
			fitted, err := fitAll(f, args)
			if err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(fitted)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			fitted, err := fitAll(f, args)
			if err != nil {
				return cty.NilVal, err
			}
			v, err := f.Call(fitted)
			if err == nil && Size(v) > MaxValue {
				return cty.NilVal, errTooLarge
			}
			return v, err
		},
	})
}

var errTooLarge = fmt.Errorf("the value is too large: at most %d MiB", MaxValue>>20)
