package all_test

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"muster/modules"
	"muster/modules/all"
)

func TestModules(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range all.Modules() {
		t.Run(m.Name, func(t *testing.T) {
			if seen[m.Name] {
				t.Errorf("the name stands twice in the list")
			}
			seen[m.Name] = true
			checkDocs(t, m)
			checkSchema(t, "", modules.SchemaOf(m.New()))
			checkEncoding(t, m)
			checkCases(t, m)
		})
	}
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// stepArguments belong to every step, see the language reference.
var stepArguments = []string{"on", "after", "after_all", "when", "for_each", "batch", "max_fail", "timeout"}

func checkDocs(t *testing.T, m modules.Module) {
	t.Helper()
	if !namePattern.MatchString(m.Name) {
		t.Errorf("%q is not a module name", m.Name)
	}
	first, _, _ := strings.Cut(m.Doc, "\n")
	if !strings.HasSuffix(first, ".") {
		t.Errorf("the documentation does not begin with a sentence: %q", first)
	}
	if !strings.HasPrefix(m.Example, `step "`+m.Name+`" "`) || strings.Count(m.Example, "{") != strings.Count(m.Example, "}") {
		t.Errorf("the example is not a step of this module:\n%s", m.Example)
	}
}

func checkSchema(t *testing.T, in string, s modules.Schema) {
	t.Helper()
	seen := map[string]bool{}
	for _, name := range stepArguments {
		seen[name] = in == ""
	}
	for _, a := range s.Args {
		if seen[a.Name] || !namePattern.MatchString(a.Name) {
			t.Errorf("%s%s: not a name that an argument can have here", in, a.Name)
		}
		seen[a.Name] = true
		if a.Doc == "" {
			t.Errorf("%s%s: has no documentation", in, a.Name)
		}
		if a.Label && a.Kind != modules.KindString {
			t.Errorf("%s%s: a label is a string", in, a.Name)
		}
		if a.Block != nil {
			checkSchema(t, in+a.Name+".", *a.Block)
		}
	}
}

func checkEncoding(t *testing.T, m modules.Module) {
	t.Helper()
	b, err := modules.Encode(m.New())
	if err != nil {
		t.Fatal(err)
	}
	c, err := modules.Decode(m, b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, m.New()) {
		t.Errorf("the defaults do not survive encoding: %#v", c)
	}
}

// checkCases finds the module's folder by the package of its configuration.
func checkCases(t *testing.T, m modules.Module) {
	t.Helper()
	pkg := reflect.TypeOf(m.New()).Elem().PkgPath()
	dir := filepath.Join("..", strings.TrimPrefix(pkg, "muster/modules/"))
	files, err := filepath.Glob(filepath.Join(dir, "testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s has no cases", dir)
	}
}

func TestTables(t *testing.T) {
	n := 0
	for _, m := range all.Modules() {
		for _, table := range m.Tables {
			n++
			if all.Tables()[table.Name()] != table {
				t.Errorf("%s: table %q is also another module's", m.Name, table.Name())
			}
		}
	}
	if n == 0 {
		t.Error("command alone brings a table, and there is none")
	}
}
