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
	there, all := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)(/[^`]*)?`").FindAllStringSubmatch(string(text), -1)
	for _, m := range named {
		if !there[m[1]] {
			t.Errorf("docs/reliability.md names %s, and there is no such test", m[1])
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(m[2], "/"), "/") {
			if part != "" && !strings.Contains(all, `"`+strings.ReplaceAll(part, "_", " ")+`"`) {
				t.Errorf("docs/reliability.md names %s%s, and there is no such subtest", m[1], m[2])
			}
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

// testNames are the tests and fuzz targets of the repository, and the text of all test
// files.
func testNames(t *testing.T) (names map[string]bool, all string) {
	t.Helper()
	names = map[string]bool{}
	var texts strings.Builder
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		texts.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, texts.String()
}
