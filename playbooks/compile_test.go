package playbooks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/playbooks/library"
)

const variablesText = `
variable "name" {
  type    = string
  default = "x"
}
variable "count" {
  type    = number
  default = 1
}
variable "sizes" {
  type    = list(number)
  default = []
}
step "note" "a" {
  on   = "dgx01"
  path = "/${var.name}"
  text = "${host.vars.colour} ${host.vars.model}"
  mode = var.count
  tags = [for n in var.sizes : tostring(n * 2)]
}
`

func TestVars(t *testing.T) {
	p := compile(t, variablesText, Options{Vars: map[string]string{
		"name": "007", "count": "12", "sizes": "[1, 2]", "colour": "red", "model": "b200",
	}})
	n := config(t, p, "note[a]@dgx01", nil)
	if n.Path != "/007" || n.Mode != 12 || n.Text != "red b200" || strings.Join(n.Tags, ",") != "2,4" {
		t.Errorf("%+v", n)
	}
}

func TestVarsWrong(t *testing.T) {
	_, diags := tryCompile(t, variablesText, Options{Vars: map[string]string{
		"count": "many", "sizes": "[1,", "colours": "red", "nmae": "x",
	}})
	wantDiag(t, diags, "Wrong type", `-e gives variable "count"`, "number is needed")
	wantDiag(t, diags, "Wrong type", "-e sizes=...: the value cannot be read")
	wantDiag(t, diags, "Missing host variable", `No variable "colour": dgx01. Did you mean "colours"?`)
	wantDiag(t, diags, "Unknown variable", `Did you mean "name"?`)
}

// TestVarOfUsedPlaybook: -e reaches the playbook on the command line only, and must
// not vanish in a host variable.
func TestVarOfUsedPlaybook(t *testing.T) {
	text := `
use "inner" {
  playbook = "./testdata/parts/inner.hcl"
  vars     = { where = "/a" }
}
`
	_, diags := tryCompile(t, text, Options{Vars: map[string]string{"where": "/b"}})
	wantDiag(t, diags, "Variable of a used playbook", "-e where=...: only inner has this variable", "where = var.where")
	outer := "variable \"where\" { default = \"/c\" }\n" + strings.Replace(text, `"/a"`, "var.where", 1)
	p := compile(t, outer, Options{Vars: map[string]string{"where": "/b"}})
	if n := config(t, p, "inner/note[base]@dgx01", nil); n.Path != "/b" {
		t.Errorf("path %s", n.Path)
	}
}

func TestSensitiveNeverShown(t *testing.T) {
	_, diags := tryCompile(t, `
variable "pin" {
  type      = string
  sensitive = true
  validation {
    condition     = length(var.pin) > 9
    error_message = "too short: ${var.pin}"
  }
}
step "note" "a" {
  on       = "dgx01"
  path     = "/a"
  text     = "pin ${var.pin}"
  for_each = [var.pin]
}
`, Options{Vars: map[string]string{"pin": "hunter2"}})
	wantDiag(t, diags, "without sensitive values")
	wantDiag(t, diags, "Argument for_each: ")
	if strings.Contains(shown(diags), "hunter2") {
		t.Error(shown(diags))
	}
}

func TestLimit(t *testing.T) {
	text := "step \"note\" \"a\" {\n  on = \"compute\"\n  path = \"/a\"\n}\n"
	for limit, want := range map[string]string{"dgx09": "dgx09", "!all": "no host is left", "login?": "The limit selects no host."} {
		_, diags := tryCompile(t, text, Options{Limit: limit})
		wantDiag(t, diags, "Limit matches no host", want)
	}
	_, diags := tryCompile(t, text, Options{Limit: "mgmt01"})
	wantDiag(t, diags, "Limit leaves nothing to do", "mgmt01")
}

func TestDigest(t *testing.T) {
	text := "variable \"v\" { default = 1 }\nstep \"note\" \"a\" {\n  on = \"all\"\n  path = \"/a\"\n}\n"
	base := compile(t, text, Options{}).Digest
	if again := compile(t, text, Options{}).Digest; again != base {
		t.Error("the digest is not stable")
	}
	for what, other := range map[string]string{
		"text":  compile(t, text+"\n", Options{}).Digest,
		"vars":  compile(t, text, Options{Vars: map[string]string{"v": "2"}}).Digest,
		"limit": compile(t, text, Options{Limit: "dgx01"}).Digest,
	} {
		if other == base {
			t.Errorf("another %s has the same digest", what)
		}
	}
}

// TestValidateAlone checks a playbook without an inventory.
func TestValidateAlone(t *testing.T) {
	diags := Validate(nil, parse(t, `
variable "must" { type = string }
requires { group = "anything" }
step "note" "a" {
  on    = "whatever"
  path  = var.must
  key   = secret.any
  peers = hosts("whatever")
  text  = host.vars.some
  tags  = [for h in hosts("whatever") : h.name]
  after = [step.note.b]
}
step "note" "c" {
  on   = "whatever"
  mode = "x"
  path = host.facts.hostnam
}
`), Options{Modules: testModules})
	wantDiag(t, diags, "Unknown step")
	wantDiag(t, diags, "a whole number is needed")
	wantDiag(t, diags, `Did you mean "hostname"?`)
	if len(diags) != 3 {
		t.Error(shown(diags))
	}
}

func TestUse(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop.hcl")
	if err := os.WriteFile(loop, []byte("use \"a\" {\n  playbook = \"./loop.hcl\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := Find(loop)
	if err != nil {
		t.Fatal(err)
	}
	diags := Validate(testInventory(t), src, Options{Modules: testModules})
	wantDiag(t, diags, "Playbook uses itself", loop+" uses "+loop)
	_, diags = tryCompile(t, "step \"note\" \"a\" {\n  on = \"mgmt01\"\n  path = \"/a\"\n  after = [use.x]\n}\n"+
		"use \"x\" {\n  playbook = \"./testdata/parts/inner.hcl\"\n  vars = { where = \"/w\" }\n  on = \"compute\"\n}\n", Options{})
	wantDiag(t, diags, "Steps share no host", "note[a] and the 2 steps of x run on different hosts", "after_all = [use.x]")
}

func TestFind(t *testing.T) {
	if src, err := Find("testdata/good"); err != nil || len(src.Paths) < 2 {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Find("baselnie"); err == nil || !strings.Contains(err.Error(), `Did you mean "baseline"?`) {
		t.Errorf("%v", err)
	}
	if _, err := Find("./nothing.hcl"); err == nil {
		t.Error("a missing file is found")
	}
	src, err := Find("baseline")
	if err != nil || src.Paths[0] != "library:baseline.hcl" {
		t.Errorf("%v %v", src, err)
	}
}

// TestLibrary reads every playbook that ships; the modules have their own tests.
func TestLibrary(t *testing.T) {
	for _, name := range library.Names() {
		src, err := Find(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := library.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if formatted, err := Format(text); err != nil || string(formatted) != string(text) {
			t.Errorf("%s is not formatted: %v", name, err)
		}
		for _, b := range src.Blocks() {
			if _, known := topRules.Blocks[b.Type]; !known {
				t.Errorf("%s: block %s", name, b.Type)
			}
		}
	}
}

func TestFormat(t *testing.T) {
	got, err := Format([]byte("a={b=1}\nlong   =2\n"))
	if err != nil || string(got) != "a    = { b = 1 }\nlong = 2\n" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := Format([]byte("a = [")); err == nil {
		t.Error("broken text is formatted")
	}
}

func TestDescribeModule(t *testing.T) {
	text := DescribeModule(testModules[0])
	for _, want := range []string{"note\n\nA note.\n", "path    string, required", "number, default 420", `part "NAME" { ... }  A part.`, "    nodes    hosts, required  Its nodes."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestHostile holds playbooks that must end in a diagnostic, soon.
func TestHostile(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("locals {\n  l0 = \"xxxxxxxxxxxxxxxx\"\n")
	for i := 1; i < 40; i++ {
		name := func(n int) string { return "l" + string(rune('0'+n/10)) + string(rune('0'+n%10)) }
		before := name(i - 1)
		if i == 1 {
			before = "l0"
		}
		doubling.WriteString("  " + name(i) + " = \"${local." + before + "}${local." + before + "}\"\n")
	}
	doubling.WriteString("}\n")
	_, diags := tryCompile(t, doubling.String(), Options{})
	wantDiag(t, diags, "too large")
	_, diags = tryCompile(t, `
step "note" "a" {
  on       = "dgx01"
  for_each = flatten([for a in range(1000) : [for b in range(20) : "${a}.${b}"]])
  path     = "/a"
}`, Options{})
	wantDiag(t, diags, "Too many steps")
}
