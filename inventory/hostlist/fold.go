package hostlist

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// item is one name cut at the number that may vary.
type item struct {
	digits string
	n      int64
	width  int // width class: digits are padded to it; 0: not padded
}

// stem is what the names of one bracket share.
type stem struct{ prefix, suffix string }

// Fold writes names as one sorted list without duplicates:
// "dgx[001-028,030],mgmt01". The last number of a name's first label varies.
// Expand gives the same set back.
func Fold(names []string) string {
	groups := map[stem][]item{}
	var out []string
	var stems []stem
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		prefix, digits, suffix := cut(name)
		if digits == "" {
			out = append(out, name)
			continue
		}
		st := stem{prefix, suffix}
		if groups[st] == nil {
			stems = append(stems, st)
		}
		n, _ := strconv.ParseInt(digits, 10, 64)
		groups[st] = append(groups[st], item{digits: digits, n: n})
	}
	for _, st := range stems {
		out = append(out, st.prefix+foldItems(groups[st])+st.suffix)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// cut finds the last run of digits in the first label of a name. No digits, or
// more than fit a number, gives an empty middle.
func cut(name string) (prefix, digits, suffix string) {
	label := len(name)
	if dot := strings.IndexByte(name, '.'); dot >= 0 {
		label = dot
	}
	end := strings.LastIndexAny(name[:label], "0123456789") + 1
	start := end
	for start > 0 && name[start-1] >= '0' && name[start-1] <= '9' {
		start--
	}
	if end-start > maxDigits {
		return name, "", ""
	}
	return name[:start], name[start:end], name[end:]
}

// foldItems writes the numbers of one stem, in brackets when there are several.
func foldItems(items []item) string {
	if len(items) == 1 {
		return items[0].digits
	}
	classify(items)
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.width, b.width), cmp.Compare(a.n, b.n))
	})
	var runs [][2]item
	for _, it := range items {
		if k := len(runs) - 1; k >= 0 && runs[k][1].width == it.width && runs[k][1].n+1 == it.n {
			runs[k][1] = it
			continue
		}
		runs = append(runs, [2]item{it, it})
	}
	slices.SortStableFunc(runs, func(a, b [2]item) int { return cmp.Compare(a[0].n, b[0].n) })
	parts := make([]string, len(runs))
	for i, r := range runs {
		parts[i] = r[0].digits
		if r[1].n != r[0].n {
			parts[i] += "-" + r[1].digits
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// classify gives each number its width: a number as wide as a zero-padded one
// of the same stem belongs with it, any other is not padded.
func classify(items []item) {
	padded := map[int]bool{}
	for _, it := range items {
		if it.digits[0] == '0' {
			padded[len(it.digits)] = true
		}
	}
	for i, it := range items {
		if padded[len(it.digits)] {
			items[i].width = len(it.digits)
		}
	}
}
