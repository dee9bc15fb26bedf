package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliabilityNamesTests: docs/reliability.md names a test for each promise, and
// every test it names is there.
func TestReliabilityNamesTests(t *testing.T) {
	text, err := os.ReadFile("../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	there := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)(/[^`]*)?`").FindAllStringSubmatch(string(text), -1)
	for _, m := range named {
		if !there[m[1]] {
			t.Errorf("docs/reliability.md names %s, and there is no such test", m[1])
		}
	}
	if len(named) < 40 {
		t.Errorf("docs/reliability.md names %d tests only", len(named))
	}
	promises := regexp.MustCompile(`(?m)^\| [1-8] \|.*$`).FindAllString(string(text), -1)
	if len(promises) != 8 {
		t.Fatalf("docs/reliability.md has %d promises, not 8", len(promises))
	}
	for _, row := range promises {
		if !strings.Contains(row, "`Test") {
			t.Errorf("a promise without a test: %s", row)
		}
	}
}

// testNames are the tests and fuzz targets of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			out[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
