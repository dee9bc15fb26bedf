package lang

import (
	"reflect"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"muster/modules/machine"
)

// FactsType is the object type of a host's facts. Its attribute names are the
// JSON names of machine.Facts; a misspelt one is an error of the expression.
func FactsType() cty.Type { return goType(reflect.TypeFor[machine.Facts]()) }

// FactsValue is a host's facts as an expression sees them.
func FactsValue(f machine.Facts) cty.Value { return (&Facts{}).Value(f) }

// Facts makes values of the facts of many hosts. A list that is the same as that of
// the host before, such as the GPUs of equal nodes, is made once.
type Facts struct {
	lists map[string]madeList // by the name of the fact
}

type madeList struct {
	of    reflect.Value
	value cty.Value
}

// Value is the facts of one host.
func (m *Facts) Value(f machine.Facts) cty.Value {
	v := reflect.ValueOf(f)
	attrs := make(map[string]cty.Value, v.NumField())
	for i := range v.NumField() {
		attrs[factNames[i]] = m.field(factNames[i], v.Field(i))
	}
	return cty.ObjectVal(attrs)
}

// Fact is one of the facts of a host by its name in the language; ok is false for a
// name that no fact has.
func Fact(f machine.Facts, name string) (fact any, ok bool) {
	i := slices.Index(factNames, name)
	if i < 0 {
		return nil, false
	}
	return reflect.ValueOf(f).Field(i).Interface(), true
}

// Named is the value of what Fact gives.
func (m *Facts) Named(name string, fact any) cty.Value { return m.field(name, reflect.ValueOf(fact)) }

func (m *Facts) field(name string, field reflect.Value) cty.Value {
	if field.Kind() != reflect.Slice || field.Len() == 0 {
		return goStruct(field)
	}
	last := m.lists[name]
	if !last.of.IsValid() || !reflect.DeepEqual(last.of.Interface(), field.Interface()) {
		if m.lists == nil {
			m.lists = map[string]madeList{}
		}
		last = madeList{field, goStruct(field)}
		m.lists[name] = last
	}
	return last.value
}

// factNames are the names of the facts, in the order of their fields.
var factNames = func() (names []string) {
	t := reflect.TypeFor[machine.Facts]()
	for i := range t.NumField() {
		names = append(names, jsonName(t.Field(i)))
	}
	return names
}()

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
