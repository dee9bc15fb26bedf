package modules

import (
	"fmt"
	"reflect"
	"strings"
)

// Kind is the type of an argument.
type Kind string

// The kinds of arguments, with the Go field types that carry them.
const (
	KindString  Kind = "string"          // string
	KindNumber  Kind = "number"          // int
	KindBool    Kind = "bool"            // bool
	KindStrings Kind = "list of strings" // []string
	KindMap     Kind = "map of strings"  // map[string]string
	KindSecret  Kind = "secret"          // Secret
	KindHosts   Kind = "hosts"           // []Host
	KindBlock   Kind = "block"           // []T, T a struct with arg tags
)

// Arg is one argument of a module or of a block.
type Arg struct {
	Name     string
	Kind     Kind
	Required bool
	// Label marks the string that stands behind a block's type: partition "batch".
	Label   bool
	Doc     string
	Default string // as text, "" for none
	Block   *Schema
	index   []int // of the field, through embedded structs
}

// Schema lists the arguments of a module's configuration, in the order of its
// struct.
type Schema struct {
	Args []Arg
	typ  reflect.Type
}

// SchemaOf reads the schema off a configuration struct (or pointer to one). It
// panics on a field type outside the list of kinds: that is a bug of the module,
// found by the test of modules/all. The arguments of an embedded struct stand
// where it is embedded: so modules share arguments.
func SchemaOf(config any) Schema {
	v := reflect.Indirect(reflect.ValueOf(config))
	s := Schema{typ: v.Type()}
	for _, f := range reflect.VisibleFields(v.Type()) {
		tag, ok := f.Tag.Lookup("arg")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		a := Arg{Name: name, Required: option == "required", Label: option == "label", Doc: f.Tag.Get("doc"), index: f.Index}
		a.Kind = kindOf(f.Type)
		if a.Kind == KindBlock {
			b := SchemaOf(reflect.New(f.Type.Elem()).Interface())
			a.Block = &b
		} else {
			a.Default = defaultText(v.FieldByIndex(f.Index))
		}
		s.Args = append(s.Args, a)
	}
	return s
}

func kindOf(t reflect.Type) Kind {
	switch {
	case t == reflect.TypeFor[Secret]():
		return KindSecret
	case t == reflect.TypeFor[[]Host]():
		return KindHosts
	case t == reflect.TypeFor[[]string]():
		return KindStrings
	case t == reflect.TypeFor[map[string]string]():
		return KindMap
	case t.Kind() == reflect.String:
		return KindString
	case t.Kind() == reflect.Int:
		return KindNumber
	case t.Kind() == reflect.Bool:
		return KindBool
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return KindBlock
	}
	panic("modules: argument type " + t.String() + " has no kind")
}

func defaultText(v reflect.Value) string {
	if v.IsZero() || v.Type() == reflect.TypeFor[Secret]() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

// Arg finds an argument by name.
func (s Schema) Arg(name string) (Arg, bool) {
	for _, a := range s.Args {
		if a.Name == name {
			return a, true
		}
	}
	return Arg{}, false
}

// Names lists the argument names, for "did you mean".
func (s Schema) Names() []string {
	var out []string
	for _, a := range s.Args {
		out = append(out, a.Name)
	}
	return out
}

// New returns a pointer to a zero value of the struct behind the schema: for
// blocks.
func (s Schema) New() any { return reflect.New(s.typ).Interface() }

// Set puts a value of the argument's Go type into config, a pointer to the
// struct the schema was read from.
func (a Arg) Set(config, value any) {
	f := reflect.ValueOf(config).Elem().FieldByIndex(a.index)
	f.Set(reflect.ValueOf(value).Convert(f.Type()))
}

// Append adds a block (a pointer to its struct) to the argument's list.
func (a Arg) Append(config, block any) {
	f := reflect.ValueOf(config).Elem().FieldByIndex(a.index)
	f.Set(reflect.Append(f, reflect.ValueOf(block).Elem()))
}

// Value reads the argument out of config.
func (a Arg) Value(config any) any {
	return reflect.Indirect(reflect.ValueOf(config)).FieldByIndex(a.index).Interface()
}
