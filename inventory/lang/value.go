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

// SecretType is the type of `secret.NAME`: a capsule of *SecretRef. No function
// takes it and no template accepts it, so a secret cannot be built into a string.
var SecretType = cty.Capsule("secret", reflect.TypeFor[SecretRef]())

// SecretValue is the value of `secret.NAME`.
func SecretValue(name string) cty.Value {
	return cty.CapsuleVal(SecretType, &SecretRef{Name: name})
}

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

// Size is what a value holds: 8 bytes for each part and the bytes of its
// strings. It stops counting beyond MaxValue, so that a value which shares its
// parts a billion times costs no time. Nesting deeper than maxNesting and
// numbers that take more than maxBits to write count as too large.
func Size(v cty.Value) int {
	left := MaxValue + 1
	countSize(v, &left)
	return MaxValue + 1 - left
}

const (
	// maxNesting bounds the recursion of everything that walks a value.
	maxNesting = 500
	// maxBits bounds the digits of a number that becomes text.
	maxBits = 4096
)

func countSize(v cty.Value, left *int) { countDeep(v, left, maxNesting) }

func countDeep(v cty.Value, left *int, depth int) {
	if *left <= 0 || v == cty.NilVal {
		return
	}
	if depth == 0 {
		*left = -1
		return
	}
	v, _ = v.Unmark()
	*left -= 8
	if v.IsNull() || !v.IsKnown() {
		return
	}
	switch t := v.Type(); {
	case t == cty.String:
		*left -= len(v.AsString())
	case t == cty.Number:
		if exp := v.AsBigFloat().MantExp(nil); exp > maxBits || exp < -maxBits {
			*left = -1
		}
	case t.IsCollectionType() || t.IsTupleType() || t.IsObjectType():
		for it := v.ElementIterator(); it.Next() && *left > 0; {
			key, elem := it.Element()
			if t.IsMapType() || t.IsObjectType() {
				countDeep(key, left, depth-1)
			}
			countDeep(elem, left, depth-1)
		}
	}
}

func attributeNames(t cty.Type) []string {
	return slices.Sorted(maps.Keys(t.AttributeTypes()))
}
