package lang

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// A list that is written out, or made by `for`, is a tuple, and cty turns a tuple
// into a list by comparing the types of its elements in pairs: a second for ten
// thousand host names. So parameters that are lists are declared as anything, and
// the conversion is done here, element by element.

// loose is a parameter that leaves the conversion to fit.
func loose(p function.Parameter) function.Parameter {
	if p.Type.IsListType() || p.Type.IsSetType() {
		p.Type, p.AllowDynamicType = cty.DynamicPseudoType, true
	}
	return p
}

// looseAll are the parameters of a function, loose.
func looseAll(f function.Function) (params []function.Parameter, rest *function.Parameter) {
	for _, p := range f.Params() {
		params = append(params, loose(p))
	}
	if v := f.VarParam(); v != nil {
		p := loose(*v)
		rest = &p
	}
	return params, rest
}

// fitAll converts arguments to what the parameters of f say.
func fitAll(f function.Function, args []cty.Value) ([]cty.Value, error) {
	params, out := f.Params(), make([]cty.Value, len(args))
	for i, a := range args {
		var want cty.Type
		if i < len(params) {
			want = params[i].Type
		} else {
			want = f.VarParam().Type
		}
		v, err := fit(a, want)
		if err != nil {
			return nil, function.NewArgError(i, err)
		}
		out[i] = v
	}
	return out, nil
}

func fit(v cty.Value, want cty.Type) (cty.Value, error) {
	if !want.IsListType() && !want.IsSetType() {
		return v, nil
	}
	v, err := toList(v, want.ElementType())
	if err != nil {
		return v, err
	}
	return convert.Convert(v, want)
}

// toList makes a list of a tuple where that needs no look at all pairs; any other
// value is returned as it is.
func toList(v cty.Value, elem cty.Type) (cty.Value, error) {
	if v.IsMarked() || v.IsNull() || !v.IsKnown() || !v.Type().IsTupleType() || v.LengthInt() == 0 {
		return v, nil
	}
	elems := v.AsValueSlice()
	if elem.IsPrimitiveType() {
		for i, e := range elems {
			converted, err := convert.Convert(e, elem)
			if err != nil {
				return v, err
			}
			elems[i] = converted
		}
		return cty.ListVal(elems), nil
	}
	for _, e := range elems {
		if t := e.Type(); t == cty.DynamicPseudoType || !t.Equals(elems[0].Type()) {
			return v, nil
		}
	}
	return cty.ListVal(elems), nil
}

// even is tolist or toset: where all elements have one type, there is nothing to
// unify, which f would do in pairs again.
func even(f function.Function, of func(cty.Type) cty.Type) function.Function {
	uniform := func(v cty.Value) (cty.Value, bool) {
		v, _ = toList(v, cty.DynamicPseudoType) // only primitive elements can fail
		t := v.Type()
		return v, !v.IsNull() && v.IsKnown() && (t.IsListType() || t.IsSetType()) && v.LengthInt() > 0
	}
	return function.New(&function.Spec{
		Description: f.Description(), Params: f.Params(), VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if v, ok := uniform(args[0]); ok {
				return of(v.Type().ElementType()), nil
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
			if v, ok := uniform(args[0]); ok {
				return convert.Convert(v, want)
			}
			return f.Call(args)
		},
	})
}
