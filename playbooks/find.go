package playbooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"muster/inventory/lang"
	"muster/playbooks/library"
)

// libraryPrefix stands before the file name of a playbook that muster ships, in
// positions and in Source.Paths.
const libraryPrefix = "library:"

// origin says where a playbook was read from: its `use` and file() start there.
type origin struct {
	name    string // as named on the command line
	dir     string // "" for a library playbook
	library bool
	id      string // equal for equal files: finds recursion
}

// Find reads a playbook: a path to a file or a folder of *.hcl, or the name of
// one that muster ships. A path wins over a name. An error in the text is an
// hcl.Diagnostics, and the source is returned with it, to show the lines; any
// other error says what can be written instead.
func Find(name string) (*lang.Source, error) {
	if isPath(name) {
		src, diags := lang.ParsePath(name)
		if diags.HasErrors() {
			return src, diags
		}
		return src, nil
	}
	return findLibrary(name)
}

// isPath tells a path from a library name: it has a separator or an ending, or
// there is such a file, or a folder with playbooks.
func isPath(name string) bool {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".hcl") {
		return true
	}
	info, err := os.Stat(name)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return true
	}
	found, err := filepath.Glob(filepath.Join(name, "*.hcl"))
	return err == nil && len(found) > 0
}

func findLibrary(name string) (*lang.Source, error) {
	text, err := library.Read(name)
	if err != nil {
		names := library.Names()
		return nil, fmt.Errorf("playbook %q: there is no such file, and muster ships only: %s.%s",
			name, strings.Join(names, ", "), lang.DidYouMean(name, names))
	}
	src, diags := lang.ParseBytes(libraryPrefix+name+".hcl", text)
	if diags.HasErrors() {
		return src, diags
	}
	return src, nil
}

// originOf finds out where a source came from.
func originOf(src *lang.Source) origin {
	if len(src.Paths) == 0 {
		return origin{dir: "."}
	}
	first := src.Paths[0]
	if rest, ok := strings.CutPrefix(first, libraryPrefix); ok {
		return origin{name: strings.TrimSuffix(rest, ".hcl"), library: true, id: first}
	}
	o := origin{name: first, dir: filepath.Dir(first)}
	if len(src.Paths) > 1 {
		o.name = o.dir
	}
	o.id = o.name
	if abs, err := filepath.Abs(first); err == nil {
		o.id = abs
	}
	return o
}

// findFrom reads the playbook that a `use` in another one names: a library name,
// or a path that starts from the folder of the using one.
func findFrom(from origin, name string) (*lang.Source, error) {
	if !strings.ContainsRune(name, '/') && !strings.HasSuffix(name, ".hcl") {
		return findLibrary(name)
	}
	if from.library {
		return nil, fmt.Errorf("playbook %q: one that muster ships can use only others that it ships", name)
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(from.dir, name)
	}
	src, diags := lang.ParsePath(name)
	if diags.HasErrors() {
		return src, diags
	}
	return src, nil
}

// Format writes HCL in its canonical layout. Text that does not parse is an
// hcl.Diagnostics; it is not touched.
func Format(src []byte) ([]byte, error) {
	if _, diags := lang.Parse("", src); diags.HasErrors() {
		return nil, diags
	}
	return hclwrite.Format(src), nil
}

// diagnostics turns an error of Find into diagnostics at the place that named
// the playbook.
func diagnostics(err error, rng hcl.Range) hcl.Diagnostics {
	if diags, ok := err.(hcl.Diagnostics); ok {
		return diags
	}
	return hcl.Diagnostics{lang.Diag("Unknown playbook", capitalStop(err.Error()), rng)}
}

// capitalStop makes a sentence of an error text.
func capitalStop(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}
