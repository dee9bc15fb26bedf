package playbooks

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"muster/inventory/lang"
	"muster/modules"
)

// hostSet is an argument of kind hosts before the facts are put in.
type hostSet []int32

// decode turns a value into the Go value of an argument. A null value gives nil:
// the argument is not set. Secrets come without their bytes and hosts as a
// hostSet; both are filled in when the step is bound. The error says what is
// allowed.
func (f *fleet) decode(kind modules.Kind, v cty.Value) (any, error) {
	if kind == modules.KindSecret {
		return decodeSecret(v)
	}
	if lang.IsSensitive(v) {
		return nil, fmt.Errorf("the value is sensitive, and plans show this argument; only an argument of kind secret keeps it hidden")
	}
	if v.IsNull() {
		return nil, nil
	}
	switch kind {
	case modules.KindString:
		return decodeString(v)
	case modules.KindNumber:
		return decodeNumber(v)
	case modules.KindBool:
		return decodeBool(v)
	case modules.KindStrings:
		return decodeStrings(v)
	case modules.KindMap:
		return decodeMap(v)
	case modules.KindHosts:
		return f.decodeHosts(v)
	}
	panic("playbooks: an argument of kind " + string(kind) + " has no value")
}

// as converts to a type, or says which kinds of value do.
func as(v cty.Value, t cty.Type, allowed string) (cty.Value, error) {
	if v.Type().Equals(lang.SecretType) {
		return v, fmt.Errorf("a secret cannot stand here, since plans show this argument; %s is needed", allowed)
	}
	out, err := convert.Convert(v, t)
	if err != nil {
		return v, fmt.Errorf("%s is needed, not %s", allowed, typeName(v))
	}
	if !out.IsWhollyKnown() {
		return v, fmt.Errorf("the value is not known")
	}
	return out, nil
}

// fits says whether a value that is not known yet can become the kind at all.
func fits(kind modules.Kind, v cty.Value) error {
	v, _ = v.UnmarkDeep()
	t := v.Type()
	ok := true
	switch kind {
	case modules.KindHosts:
		return hostsFit(v)
	case modules.KindString, modules.KindNumber, modules.KindBool:
		_, err := convert.Convert(v, scalarTypes[kind])
		ok = err == nil
	case modules.KindStrings:
		if t.Equals(cty.List(hostType)) {
			return errNoNames
		}
		ok = t.IsListType() || t.IsSetType() || t.IsTupleType()
	case modules.KindMap:
		ok = t.IsMapType() || t.IsObjectType()
	}
	if t != cty.DynamicPseudoType && (!ok || kind != modules.KindSecret && t.Equals(lang.SecretType)) {
		return fmt.Errorf("a %s is needed, not %s", kind, typeName(v))
	}
	return nil
}

var scalarTypes = map[modules.Kind]cty.Type{
	modules.KindString: cty.String, modules.KindNumber: cty.Number, modules.KindBool: cty.Bool,
}

var errNoNames = errors.New("a list of strings is needed, not of hosts; names are [for h in ...: h.name]")

// hostsFit says whether the type may be a pattern, or a list of hosts or names.
func hostsFit(v cty.Value) error {
	t := v.Type()
	if t.IsListType() || t.IsSetType() {
		t = t.ElementType()
		if t.IsObjectType() && t.HasAttribute("name") && t.HasAttribute("facts") {
			return nil
		}
	}
	if t == cty.String || t == cty.DynamicPseudoType || t.IsTupleType() {
		return nil
	}
	return fmt.Errorf(`hosts are needed, hosts("PATTERN"), not %s`, typeName(v))
}

func decodeString(v cty.Value) (any, error) {
	out, err := as(v, cty.String, "a string")
	if err != nil {
		return nil, err
	}
	return out.AsString(), nil
}

func decodeBool(v cty.Value) (any, error) {
	out, err := as(v, cty.Bool, "true or false")
	if err != nil {
		return nil, err
	}
	return out.True(), nil
}

func decodeNumber(v cty.Value) (any, error) {
	out, err := as(v, cty.Number, "a whole number")
	if err != nil {
		return nil, err
	}
	n, accuracy := out.AsBigFloat().Int64()
	if accuracy != big.Exact || int64(int(n)) != n {
		return nil, fmt.Errorf("a whole number is needed, not %s", numberText(out.AsBigFloat()))
	}
	return int(n), nil
}

// decodeStrings and decodeMap convert element by element: the conversion of a
// whole tuple compares the types of its elements in pairs, which takes seconds
// for ten thousand host names.
func decodeStrings(v cty.Value) (any, error) {
	const allowed = `a list of strings, ["a", "b"],`
	t := v.Type()
	if t.Equals(cty.List(hostType)) {
		return nil, errNoNames
	}
	if !(t.IsListType() || t.IsSetType() || t.IsTupleType()) {
		return nil, fmt.Errorf("%s is needed, not %s", allowed, typeName(v))
	}
	list := make([]string, 0, v.LengthInt())
	for i, elem := range v.AsValueSlice() {
		text, err := elementText(elem, allowed)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		list = append(list, text)
	}
	return list, nil
}

func decodeMap(v cty.Value) (any, error) {
	const allowed = `a map of strings, { NAME = "value" },`
	if t := v.Type(); !(t.IsMapType() || t.IsObjectType()) {
		return nil, fmt.Errorf("%s is needed, not %s", allowed, typeName(v))
	}
	m := map[string]string{}
	for name, elem := range v.AsValueMap() {
		text, err := elementText(elem, allowed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		m[name] = text
	}
	return m, nil
}

func elementText(elem cty.Value, allowed string) (string, error) {
	if elem.IsNull() {
		return "", fmt.Errorf("%s is needed, not null", allowed)
	}
	out, err := as(elem, cty.String, allowed)
	if err != nil {
		return "", err
	}
	return out.AsString(), nil
}

// decodeSecret takes secret.NAME, and a sensitive string: it is already in
// memory as text, and here it stays hidden.
func decodeSecret(v cty.Value) (any, error) {
	plain, _ := v.UnmarkDeep()
	switch {
	case plain.IsNull():
		return nil, nil
	case plain.Type().Equals(lang.SecretType):
		return modules.Secret{Name: plain.EncapsulatedValue().(*lang.SecretRef).Name}, nil
	case plain.Type() == cty.String && plain.IsKnown() && lang.IsSensitive(v):
		return modules.Secret{Bytes: []byte(plain.AsString())}, nil
	}
	return nil, fmt.Errorf("a secret is needed: secret.NAME of the inventory, or a variable with sensitive = true; not %s", typeName(v))
}

// decodeHosts takes hosts("pattern"), lists made of such, and the pattern alone.
func (f *fleet) decodeHosts(v cty.Value) (any, error) {
	t := v.Type()
	if t == cty.String && v.IsKnown() {
		return f.hostsOf(v.AsString())
	}
	if !(t.IsListType() || t.IsTupleType() || t.IsSetType()) || !v.IsKnown() {
		return nil, fmt.Errorf(`hosts are needed, hosts("PATTERN"), not %s`, typeName(v))
	}
	out := hostSet{}
	seen := map[int32]bool{}
	for _, elem := range v.AsValueSlice() {
		i, err := f.hostOf(elem)
		if err != nil {
			return nil, err
		}
		if !seen[i] {
			seen[i] = true
			out = append(out, i)
		}
	}
	return out, nil
}

func (f *fleet) hostsOf(pattern string) (any, error) {
	hosts, err := f.match(pattern)
	return hostSet(hosts), err
}

func (f *fleet) hostOf(v cty.Value) (int32, error) {
	name := v
	if !v.IsNull() && v.IsKnown() && v.Type().IsObjectType() && v.Type().HasAttribute("name") {
		name = v.GetAttr("name")
	}
	if name.IsNull() || !name.IsKnown() || name.Type() != cty.String {
		return 0, fmt.Errorf(`hosts are needed, hosts("PATTERN"); an element is %s`, typeName(v))
	}
	i, ok := f.index[name.AsString()]
	if !ok {
		return 0, fmt.Errorf("there is no host %q", name.AsString())
	}
	return i, nil
}
