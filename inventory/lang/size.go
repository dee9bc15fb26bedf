package lang

import (
	"github.com/zclconf/go-cty/cty"
)

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
