package lang

import (
	"reflect"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"muster/modules/machine"
)

// FactsType is the object type of a host's facts. Its attribute names are the
// JSON names of machine.Facts; a misspelt one is an error of the expression.
func FactsType() cty.Type { return goType(reflect.TypeFor[machine.Facts]()) }

// FactsValue is a host's facts as an expression sees them.
func FactsValue(f machine.Facts) cty.Value { return goStruct(reflect.ValueOf(f)) }

func goType(t reflect.Type) cty.Type {
	switch t.Kind() {
	case reflect.String:
		return cty.String
	case reflect.Bool:
		return cty.Bool
	case reflect.Int, reflect.Int64:
		return cty.Number
	case reflect.Slice:
		return cty.List(goType(t.Elem()))
	case reflect.Struct:
		attrs := map[string]cty.Type{}
		for i := range t.NumField() {
			attrs[jsonName(t.Field(i))] = goType(t.Field(i).Type)
		}
		return cty.Object(attrs)
	}
	panic("lang: facts: field of kind " + t.Kind().String() + " has no type in the language")
}

func goStruct(v reflect.Value) cty.Value {
	switch v.Kind() {
	case reflect.String:
		return cty.StringVal(v.String())
	case reflect.Bool:
		return cty.BoolVal(v.Bool())
	case reflect.Int, reflect.Int64:
		return cty.NumberIntVal(v.Int())
	case reflect.Slice:
		if v.Len() == 0 {
			return cty.ListValEmpty(goType(v.Type().Elem()))
		}
		elems := make([]cty.Value, v.Len())
		for i := range elems {
			elems[i] = goStruct(v.Index(i))
		}
		return cty.ListVal(elems)
	case reflect.Struct:
		attrs := make(map[string]cty.Value, v.NumField())
		for i := range v.NumField() {
			attrs[jsonName(v.Type().Field(i))] = goStruct(v.Field(i))
		}
		return cty.ObjectVal(attrs)
	}
	panic("lang: facts: value of kind " + v.Kind().String() + " has no value in the language")
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
