package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFar: what the gate lets pass, and what not.
func TestFar(t *testing.T) {
	for _, c := range []struct {
		f        Figure
		met, far bool
	}{
		{note("n", 1e9, "s"), true, false},
		{atMost("m", 15, "s", 15), true, false},
		{atMost("m", 30, "s", 15), false, false},
		{atMost("m", 30.1, "s", 15), false, true},
		{atLeast("l", 100, "×", 100), true, false},
		{atLeast("l", 50, "×", 100), false, false},
		{atLeast("l", 49.9, "×", 100), false, true},
	} {
		if c.f.Met != c.met || c.f.Far() != c.far {
			t.Errorf("%s: met %v, far %v; want %v, %v", c.f.Name, c.f.Met, c.f.Far(), c.met, c.far)
		}
		if err := missed([]Figure{c.f}); (err != nil) != c.far {
			t.Errorf("%s: the gate says %v", c.f.Name, err)
		}
	}
}

// TestSave: the file has the names that others read it by.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bin", "bench.json")
	figures := []Figure{atMost("sim1000_s", 1.5, "s", 15), note("sim100_s", 0.2, "s")}
	if err := save(path, figures); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(text, &got); err != nil || len(got) != 2 {
		t.Fatalf("%v: %s", err, text)
	}
	if got[0]["name"] != "sim1000_s" || got[0]["value"] != 1.5 || got[0]["unit"] != "s" || got[0]["goal"] != 15.0 || got[0]["met"] != true ||
		len(got[0]) != 5 || got[1]["goal"] != nil {
		t.Errorf("saved %s", text)
	}
	var out bytes.Buffer
	if err := table(&out, figures); err != nil || !strings.Contains(out.String(), "≤ 15  met") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
