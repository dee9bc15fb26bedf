package hostlist

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestExpand(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", ""},
		{"mgmt01", "mgmt01"},
		{"dgx[001-003]", "dgx001 dgx002 dgx003"},
		{"dgx[001-002,7],mgmt01", "dgx001 dgx002 dgx7 mgmt01"},
		{"n[8-11]", "n8 n9 n10 n11"},
		{"n[08-11]", "n08 n09 n10 n11"},
		{"n[98-101]", "n98 n99 n100 n101"},
		{"r[1-2]n[01-02].lan", "r1n01.lan r1n02.lan r2n01.lan r2n02.lan"},
		{"10.0.1.[9-10]", "10.0.1.9 10.0.1.10"},
		{" a , b ", "a b"},
	}
	for _, c := range cases {
		got, err := Expand(c.in)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("Expand(%q) = %v, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	cases := []struct{ in, want string }{
		{"dgx[3-1]", "3 is after 1"},
		{"dgx[1-", "not closed"},
		{"dgx]1[", "do not match"},
		{"dgx[[1]]", "do not match"},
		{"dgx[]", `"" is not a number`},
		{"dgx[a-b]", `"a" is not a number`},
		{"dgx[-3]", `"" is not a number`},
		{"a,,b", "a name is missing"},
		{"n[1-999999999]", "more than 100000 names"},
		{"n[1-1000][1-1000]", "more than 100000 names"},
		{"n[1-99999],m[1-99999]", "more than 100000 names"},
		{strings.Repeat("n", 2000) + "[1-9]", "longer than 1024 characters"},
		{"n[0-9999999999999999999]", "is not a number"},
	}
	for _, c := range cases {
		if got, err := Expand(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Expand(%q) = %d names, %v; want an error with %q", c.in, len(got), err, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	cases := []struct{ names, want string }{
		{"", ""},
		{"dgx001", "dgx001"},
		{"dgx002 dgx001 dgx002", "dgx[001-002]"},
		{"dgx001 dgx002 dgx003 dgx030 mgmt01", "dgx[001-003,030],mgmt01"},
		{"n8 n9 n10 n11", "n[8-11]"},
		{"n08 n09 n10 n11", "n[08-11]"},
		{"n1 n01 n2 n02", "n[1-2,01-02]"},
		{"n98 n99 n100", "n[98-100]"},
		{"dgx001.lab2.example dgx002.lab2.example", "dgx[001-002].lab2.example"},
		{"login", "login"},
		{"r1n1 r1n2 r2n1", "r1n[1-2],r2n1"},
	}
	for _, c := range cases {
		if got := Fold(strings.Fields(c.names)); got != c.want {
			t.Errorf("Fold(%s) = %q, want %q", c.names, got, c.want)
		}
	}
}

func TestFoldExpandRoundTrip(t *testing.T) {
	name := rapid.OneOf(
		rapid.StringMatching(`[a-c]{0,2}[0-9]{1,4}(n[0-9]{1,2})?(\.lab[0-9])?`),
		rapid.StringMatching(`[a-z]{1,3}`),
		rapid.StringMatching(`n(0|1)[0-9]{1,20}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(name, 0, 40).Draw(t, "names")
		folded := Fold(names)
		got, err := Expand(folded)
		if err != nil {
			t.Fatalf("Expand(%q): %v", folded, err)
		}
		slices.Sort(got)
		want := slices.Compact(slices.Sorted(slices.Values(names)))
		if !slices.Equal(got, want) {
			t.Fatalf("%q expands to %v, want %v", folded, got, want)
		}
		slices.Reverse(names)
		if again := Fold(names); again != folded {
			t.Fatalf("order matters: %q and %q", folded, again)
		}
	})
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"dgx[001-032]", "a,b[1,2-3]c[4]", "[", "]", "n[1-99999999999999999999]", "é[1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names, err := Expand(s)
		if err != nil {
			return
		}
		if len(names) > Max {
			t.Fatalf("Expand(%q) gave %d names", s, len(names))
		}
		if strings.TrimSpace(s) != "" && len(names) == 0 {
			t.Fatalf("Expand(%q) gave nothing", s)
		}
	})
}
