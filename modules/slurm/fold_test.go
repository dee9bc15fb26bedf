package slurm

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster/inventory/hostlist"
)

func TestFold(t *testing.T) {
	tests := []struct {
		words []string
		want  string
	}{
		{nil, ""},
		{[]string{"n1"}, "n1"},
		{[]string{"head"}, "head"},
		{[]string{"n8", "n9", "n10"}, "n[8-10]"},
		{[]string{"n08", "n09", "n10"}, "n[08-10]"},
		{[]string{"n9", "n010"}, "n[9,010]"},
		{[]string{"n099", "n100"}, "n[099-100]"},
		{[]string{"dgx001", "dgx002", "dgx004"}, "dgx[001-002,004]"},
		{[]string{"10.0.1.3", "10.0.1.4", "10.0.2.1"}, "10.0.1.[3-4],10.0.2.1"},
		{[]string{"10.0.1.4", "10.0.1.3"}, "10.0.1.[4,3]"},
		{[]string{"a1", "b1", "a2"}, "a1,b1,a2"},
		{[]string{"r1-n1", "r1-n2", "r2-n1"}, "r1-n[1-2],r2-n1"},
		{[]string{"n1-ib", "n2-ib"}, "n[1-2]-ib"},
		{[]string{"x", "x"}, "x,x"},
	}
	for _, tt := range tests {
		if got := Fold(tt.words); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.words, got, tt.want)
		}
	}
}

// A folded list expands to the same words in the same order: otherwise a node
// would get the address of another.
func TestFoldKeepsOrder(t *testing.T) {
	word := rapid.Custom(func(t *rapid.T) string {
		prefix := rapid.SampledFrom([]string{"n", "dgx", "10.0.1.", "r1-", ""}).Draw(t, "prefix")
		width := rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(t, "width")
		suffix := rapid.SampledFrom([]string{"", "", "-ib", "a"}).Draw(t, "suffix")
		return fmt.Sprintf("%s%0*d%s", prefix, width, rapid.IntRange(0, 120).Draw(t, "n"), suffix)
	})
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(word, 1, 60).Draw(t, "words")
		if rapid.Bool().Draw(t, "sorted") {
			slices.SortFunc(words, natural)
		}
		got, err := hostlist.Expand(Fold(words))
		if err != nil {
			t.Fatalf("%q: %v", Fold(words), err)
		}
		if !slices.Equal(got, words) {
			t.Fatalf("%q folds to %q, which is %q", words, Fold(words), got)
		}
	})
}
