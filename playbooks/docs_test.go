package playbooks_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster/inventory"
	"muster/inventory/lang"
	"muster/modules/all"
	"muster/playbooks"
)

const languagePage = "../docs/language.md"

var fence = regexp.MustCompile("(?s)```hcl\n(.*?)```")

// TestLanguagePage compiles every example of the page against its first one, the
// inventory, with the real modules.
func TestLanguagePage(t *testing.T) {
	page, err := os.ReadFile(languagePage)
	if err != nil {
		t.Fatal(err)
	}
	examples := fence.FindAllStringSubmatch(string(page), -1)
	if len(examples) < 6 {
		t.Fatalf("only %d examples", len(examples))
	}
	path := filepath.Join(t.TempDir(), "inventory.hcl")
	if err := os.WriteFile(path, []byte(examples[0][1]), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, diags := inventory.Load(path, inventory.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for i, example := range examples[1:] {
		src, diags := lang.ParseBytes(fmt.Sprintf("example%d.hcl", i+1), []byte(example[1]))
		if !diags.HasErrors() {
			_, diags = playbooks.Compile(inv, src, playbooks.Options{Modules: all.Modules()})
		}
		if diags.HasErrors() {
			var text strings.Builder
			lang.WriteDiags(&text, src.Files, diags, false)
			t.Error(text.String())
		}
		if got, err := playbooks.Format([]byte(example[1])); err != nil || string(got) != example[1] {
			t.Errorf("example %d is not formatted as muster fmt does", i+1)
		}
	}
}

// exampleInventory has the groups and secrets that the modules' examples name.
const exampleInventory = `
cluster "lab" {}
host "ctl01" {
  address = "10.0.0.1"
  groups  = ["slurm_controller"]
}
host "node01" {
  address = "10.0.0.2"
  groups  = ["slurm_node"]
}
secret "munge_key" { generate = 128 }
secret "slurm_db_password" { generate = 24 }
`

// TestModuleExamples compiles every module's example alone: what `muster docs MODULE`
// prints can be pasted.
func TestModuleExamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.hcl")
	if err := os.WriteFile(path, []byte(exampleInventory), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, diags := inventory.Load(path, inventory.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, m := range all.Modules() {
		src, diags := lang.ParseBytes(m.Name+".hcl", []byte(m.Example+"\n"))
		if !diags.HasErrors() {
			_, diags = playbooks.Compile(inv, src, playbooks.Options{Modules: all.Modules()})
		}
		if diags.HasErrors() {
			var text strings.Builder
			lang.WriteDiags(&text, src.Files, diags, false)
			t.Error(text.String())
		}
	}
}

// TestLanguagePageFunctions holds the list of functions to the code.
func TestLanguagePageFunctions(t *testing.T) {
	page, err := os.ReadFile(languagePage)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Functions\n")
	list, _, _ := strings.Cut(section, ".\n\n")
	var got []string
	for _, m := range regexp.MustCompile("`([a-z0-9]+)`").FindAllStringSubmatch(list, -1) {
		got = append(got, m[1])
	}
	want := append(slices.Collect(maps.Keys(lang.Functions())), "file", "hosts")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the page has\n%v\nthe language has\n%v", got, want)
	}
}
