package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestExtraListsAndMaps: -e replaces a list or a map too, by what is written as one.
func TestExtraListsAndMaps(t *testing.T) {
	path := write(t, `
host "n" {
  vars = { ports = [1, 2], dns = { a = "10.0.0.1" }, none = null }
}`)
	inv, diags := Load(path, Options{Extra: map[string]string{"ports": "[7]", "dns": `{ b = "10.0.0.2" }`, "none": "x"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, want := range map[string]string{"ports": "[7]", "dns": `{"b":"10.0.0.2"}`, "none": `"x"`} {
		if v := inv.Host("n").Vars[name]; valueText(v.Value) != want || v.From != "-e" {
			t.Errorf("%s = %s from %s, want %s", name, valueText(v.Value), v.From, want)
		}
	}
	for name, text := range map[string]string{"ports": "7", "dns": "[1]"} {
		_, diags := Load(path, Options{Extra: map[string]string{name: text}})
		if len(diags) != 1 || !strings.Contains(diags[0].Detail, "-e "+name+"=...: the variable is a ") || !strings.Contains(diags[0].Detail, "inventory.hcl:3") {
			t.Errorf("-e %s=%s: %v", name, text, diags)
		}
	}
	for _, text := range []string{"[", "[1]\nx = 2", "[file(\"/etc/passwd\")]", "[nothing]"} {
		if _, diags := Load(path, Options{Extra: map[string]string{"ports": text}}); len(diags) != 1 {
			t.Errorf("-e ports=%q: %v", text, diags)
		}
	}
}

// TestShowIsHarmless: JSON leaves C1 and DEL as they are, and a terminal obeys them.
func TestShowIsHarmless(t *testing.T) {
	inv := load(t, write(t, "host \"n\" {\n  vars = { a = \"\u009b31m\u007f\u202e\" }\n}\n"), Options{})
	var out strings.Builder
	if err := inv.WriteShow(&out, "n", false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
		t.Errorf("%q", out.String())
	}
}

// TestExclusionAloneInAPatternFile: as a pattern of its own it would select the whole
// inventory but one host.
func TestExclusionAloneInAPatternFile(t *testing.T) {
	inv := good(t, Options{})
	file := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte("dgx001\n!dgx002\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if hosts, err := inv.Match("@" + file); err == nil || !strings.Contains(err.Error(), file+`:2: "!dgx002" alone would select all other hosts`) {
		t.Errorf("%v, %v", FoldNames(namesOf(hosts)), err)
	}
}
