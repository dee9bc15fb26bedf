package playbooks

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/zclconf/go-cty/cty"
)

// elements are the steps of a step block, without their hosts and arguments: one,
// or one for each key of its for_each.
func (c *compiler) elements(d *stepDef) []*step {
	expr := attribute(d.block, "for_each")
	if expr == nil {
		return []*step{{def: d}}
	}
	v := c.constant(d.unit, "for_each", expr, cty.NilVal)
	if v == nil {
		// Its arguments are still checked, with an each that may be anything.
		return []*step{{def: d, each: cty.DynamicVal}}
	}
	keys, values, err := eachOf(*v)
	if err != nil {
		c.errorf(expr.Range(), "Wrong value", "Argument for_each: %s.", err)
		return nil
	}
	out := make([]*step, len(keys))
	for i, key := range keys {
		out[i] = &step{def: d, key: key, each: cty.ObjectVal(map[string]cty.Value{
			"key": cty.StringVal(key), "value": values[i],
		})}
	}
	return out
}

// eachOf takes a map, or a set or list of strings: keys and values in order.
func eachOf(v cty.Value) (keys []string, values []cty.Value, err error) {
	t := v.Type()
	switch {
	case v.IsMarked():
		return nil, nil, fmt.Errorf("the value is sensitive, and the names of steps are not")
	case t.IsMapType() || t.IsObjectType():
		for it := v.ElementIterator(); it.Next(); {
			key, value := it.Element()
			keys, values = append(keys, key.AsString()), append(values, value)
		}
	case t.IsListType() || t.IsSetType() || t.IsTupleType():
		for _, elem := range v.AsValueSlice() {
			if elem.IsMarked() || elem.IsNull() || elem.Type() != cty.String {
				return nil, nil, fmt.Errorf("a list for for_each holds strings, not %s; with a map, values may be anything", typeName(elem))
			}
			if slices.Contains(keys, elem.AsString()) {
				return nil, nil, fmt.Errorf("%q is in the list twice", elem.AsString())
			}
			keys, values = append(keys, elem.AsString()), append(values, elem)
		}
	default:
		return nil, nil, fmt.Errorf("a map, or a list or set of strings, is needed, not %s", typeName(v))
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, nil, err
		}
	}
	return keys, values, nil
}

// checkKey keeps step names readable: a key stands in module[name.KEY]@host.
func checkKey(key string) error {
	odd := strings.ContainsFunc(key, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("[]@", r)
	})
	if key == "" || len(key) > 200 || odd {
		return fmt.Errorf("%q cannot be a key: it has 1 to 200 printable characters without blanks, [, ] and @", key)
	}
	return nil
}
