package lang

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// ErrUnknown is the error of GoValue for a value that is known after apply.
var ErrUnknown = errors.New("value is known only after apply")

// ErrSensitive is the error of GoValue for a value that is marked Sensitive.
var ErrSensitive = errors.New("value is sensitive")

// GoValue turns a value into nil, string, bool, int64, float64 (for what is no
// int64), []any, map[string]any or SecretRef. Sets come in their own fixed
// order. Unknown values are ErrUnknown, marked ones ErrSensitive; whoever may
// see a sensitive value unmarks it first.
func GoValue(v cty.Value) (any, error) {
	switch {
	case v.IsMarked():
		return nil, ErrSensitive
	case !v.IsKnown():
		return nil, ErrUnknown
	case v.IsNull():
		return nil, nil
	}
	t := v.Type()
	switch {
	case t == cty.String:
		return v.AsString(), nil
	case t == cty.Bool:
		return v.True(), nil
	case t == cty.Number:
		return goNumber(v.AsBigFloat()), nil
	case t == SecretType:
		return *(v.EncapsulatedValue().(*SecretRef)), nil
	case t.IsObjectType() || t.IsMapType():
		return goMap(v)
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return goSlice(v)
	}
	return nil, fmt.Errorf("value of type %s cannot be used here", t.FriendlyName())
}

func goNumber(f *big.Float) any {
	if i, acc := f.Int64(); acc == big.Exact {
		return i
	}
	n, _ := f.Float64()
	return n
}

func goMap(v cty.Value) (any, error) {
	out := map[string]any{}
	for key, elem := range v.AsValueMap() {
		g, err := GoValue(elem)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out[key] = g
	}
	return out, nil
}

func goSlice(v cty.Value) (any, error) {
	out := make([]any, 0, v.LengthInt())
	for i, elem := range v.AsValueSlice() {
		g, err := GoValue(elem)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		out = append(out, g)
	}
	return out, nil
}

// FromGo turns what GoValue returns, and the other integer, slice and map types
// with string keys, into a value: slices become tuples, maps become objects.
func FromGo(g any) (cty.Value, error) {
	switch x := g.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case cty.Value:
		return x, nil
	case SecretRef:
		return SecretValue(x.Name), nil
	}
	rv := reflect.ValueOf(g)
	switch rv.Kind() {
	case reflect.String:
		return cty.StringVal(rv.String()), nil
	case reflect.Bool:
		return cty.BoolVal(rv.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cty.NumberIntVal(rv.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return cty.NumberUIntVal(rv.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return cty.NumberFloatVal(rv.Float()), nil
	case reflect.Slice:
		return fromSlice(rv)
	case reflect.Map:
		return fromMap(rv)
	}
	return cty.DynamicVal, fmt.Errorf("a Go %T has no value here", g)
}

func fromSlice(rv reflect.Value) (cty.Value, error) {
	elems := make([]cty.Value, rv.Len())
	for i := range elems {
		v, err := FromGo(rv.Index(i).Interface())
		if err != nil {
			return cty.DynamicVal, fmt.Errorf("element %d: %w", i, err)
		}
		elems[i] = v
	}
	return cty.TupleVal(elems), nil
}

func fromMap(rv reflect.Value) (cty.Value, error) {
	if rv.Type().Key().Kind() != reflect.String {
		return cty.DynamicVal, fmt.Errorf("a Go %s has no value here", rv.Type())
	}
	attrs := make(map[string]cty.Value, rv.Len())
	for it := rv.MapRange(); it.Next(); {
		v, err := FromGo(it.Value().Interface())
		if err != nil {
			return cty.DynamicVal, fmt.Errorf("%s: %w", it.Key(), err)
		}
		attrs[it.Key().String()] = v
	}
	return cty.ObjectVal(attrs), nil
}

func attributeNames(t cty.Type) []string {
	return slices.Sorted(maps.Keys(t.AttributeTypes()))
}
