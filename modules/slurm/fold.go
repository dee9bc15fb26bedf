package slurm

import (
	"strconv"
	"strings"
)

// run is one or more consecutive words of a list that differ only in a number
// which counts up by one.
type run struct {
	prefix, suffix string
	first, last    string // digits, "" for a word without any
}

// Fold writes words in their order as SLURM's host lists do: "dgx[001-004,007]"
// or "10.0.1.[1-32]". SLURM expands the list to the same words in the same
// order; that is what ties NodeAddr to NodeName.
func Fold(words []string) string {
	var runs []run
	for _, w := range words {
		r := cut(w)
		if k := len(runs) - 1; k >= 0 && runs[k].extends(r) {
			runs[k].last = r.last
			continue
		}
		runs = append(runs, r)
	}
	var parts []string
	for i := 0; i < len(runs); {
		j := i + 1
		for j < len(runs) && runs[i].first != "" && runs[j].first != "" &&
			runs[j].prefix == runs[i].prefix && runs[j].suffix == runs[i].suffix {
			j++
		}
		parts = append(parts, bracket(runs[i:j]))
		i = j
	}
	return strings.Join(parts, ",")
}

// bracket writes runs that share prefix and suffix.
func bracket(runs []run) string {
	if len(runs) == 1 && runs[0].first == runs[0].last {
		return runs[0].prefix + runs[0].first + runs[0].suffix
	}
	var in []string
	for _, r := range runs {
		if r.first == r.last {
			in = append(in, r.first)
			continue
		}
		in = append(in, r.first+"-"+r.last)
	}
	return runs[0].prefix + "[" + strings.Join(in, ",") + "]" + runs[0].suffix
}

// cut splits a word at its last number. Numbers beyond 18 digits stay text.
func cut(word string) run {
	end := strings.LastIndexAny(word, "0123456789") + 1
	start := end
	for start > 0 && word[start-1] >= '0' && word[start-1] <= '9' {
		start--
	}
	if end-start > 18 {
		return run{prefix: word}
	}
	return run{word[:start], word[end:], word[start:end], word[start:end]}
}

// extends says whether o is the next number after r, written in the same width:
// SLURM pads a range to the width of its lower bound.
func (r run) extends(o run) bool {
	if r.first == "" || o.first == "" || r.prefix != o.prefix || r.suffix != o.suffix {
		return false
	}
	a, _ := strconv.ParseInt(r.last, 10, 64)
	b, _ := strconv.ParseInt(o.first, 10, 64)
	if a+1 != b {
		return false
	}
	padded := r.first[0] == '0' && len(r.first) > 1
	if padded {
		return len(o.first) == len(r.first)
	}
	return o.first[0] != '0'
}

// natural orders names as people number them: n2 before n10.
func natural(a, b string) int {
	x, y := cut(a), cut(b)
	if x.prefix != y.prefix {
		return strings.Compare(x.prefix, y.prefix)
	}
	m, _ := strconv.ParseInt(x.first, 10, 64)
	n, _ := strconv.ParseInt(y.first, 10, 64)
	if m != n {
		if m < n {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}
