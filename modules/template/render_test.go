package template

import (
	"strings"
	"testing"
	"time"
)

// TestBounds: templates that would run for ever, or fill the memory, are errors
// within a moment.
func TestBounds(t *testing.T) {
	double := strings.Repeat(`{{ $a = print $a $a }}`, 60)
	for name, tc := range map[string]struct{ text, want string }{
		"range over a number":         {`{{ range 999999999999 }}{{ end }}`, "range goes over"},
		"range over a variable":       {`{{ $n := 99 }}{{ range $n }}{{ end }}`, "range goes over"},
		"range over a number in with": {`{{ with 999999999999 }}{{ range . }}{{ end }}{{ end }}`, "range goes over"},
		"nested splits":               {`{{ range split .x "" }}{{ range split $.x "" }}{{ range split $.x "" }}{{ end }}{{ end }}{{ end }}`, "makes more than"},
		"doubling":                    {`{{ $a := .x }}` + double, "makes more than"},
		"doubling by printf":          {`{{ $a := .x }}` + strings.ReplaceAll(double, "print $a", `printf "%[1]s%[1]s" $a`), "makes more than"},
		"doubling by println":         {`{{ $a := .x }}` + strings.ReplaceAll(double, "print", "println"), "makes more than"},
		"width":                       {`{{ printf "%999999999d" 1 }}`, "width or precision"},
		"width by argument":           {`{{ printf "%*d" 999999999 1 }}`, "width or precision"},
		"escaping":                    {`{{ js .x }}`, "not available"},
		"recursion":                   {`{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`, "not available"},
		"output":                      {strings.Repeat(`{{ .x }}`, 2000), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{Path: "/x", Template: tc.text, Vars: map[string]string{"x": strings.Repeat("x", 1000)}}
			began := time.Now()
			_, err := c.render()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestRender(t *testing.T) {
	for text, want := range map[string]string{
		`{{ range $k, $v := . }}{{ $k }}={{ $v }};{{ end }}`:                 "a=1;b=x,y;",
		`{{ range split .b "," }}{{ upper . }}{{ end }}`:                     "XY",
		`{{ printf "%03s|%q" .a .b }}`:                                       `001|"x,y"`,
		`{{ with .a }}{{ . }}{{ end }}{{ if eq .a "1" }} one{{ end }}`:       "1 one",
		`{{ len (split .b ",") }}{{ index (split .b ",") 1 }}{{ trim " " }}`: "2y",
	} {
		c := Config{Path: "/x", Template: text, Vars: map[string]string{"a": "1", "b": "x,y"}}
		if got, err := c.render(); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
}
