package playbooks

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"muster/inventory"
	"muster/inventory/lang"
	"muster/modules"
	"muster/modules/machine"
	"muster/playbooks/program"
)

var update = flag.Bool("update", false, "write the golden files")

// note is a module with an argument of every kind.
type note struct {
	Path   string            `arg:"path,required" doc:"Where it goes."`
	Text   string            `arg:"text" doc:"What is in it."`
	Mode   int               `arg:"mode" doc:"Its mode."`
	Backup bool              `arg:"backup" doc:"Keep the old one."`
	Tags   []string          `arg:"tags" doc:"Labels."`
	Env    map[string]string `arg:"env" doc:"Variables."`
	Key    modules.Secret    `arg:"key" doc:"A key."`
	Peers  []modules.Host    `arg:"peers" doc:"Other hosts."`
	Part   []part            `arg:"part" doc:"A part."`
}

type part struct {
	Name    string         `arg:"name,label" doc:"Its name."`
	Nodes   []modules.Host `arg:"nodes,required" doc:"Its nodes."`
	Default bool           `arg:"default" doc:"The default one."`
}

func (*note) Ensure(context.Context, machine.Machine) error { return nil }

func (n *note) Validate() error {
	if !strings.HasPrefix(n.Path, "/") {
		return modules.BadArg("path", "%q is no absolute path", n.Path)
	}
	for _, p := range n.Part {
		if len(p.Nodes) > 3 {
			return modules.BadArg("part["+p.Name+"].nodes", "at most 3 nodes, not %d", len(p.Nodes))
		}
	}
	return nil
}

var testModules = []modules.Module{
	{Name: "note", Doc: "A note.", New: func() modules.Config { return &note{Mode: 420} }},
	{Name: "munge", Doc: "Another.", New: func() modules.Config { return &note{Path: "/munge"} }},
}

func testInventory(t testing.TB) *inventory.Inventory {
	t.Helper()
	inv, diags := inventory.Load("testdata/inventory.hcl", inventory.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return inv
}

func parse(t testing.TB, text string) *lang.Source {
	t.Helper()
	src, diags := lang.ParseBytes("play.hcl", []byte(text))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return src
}

// compile compiles text against the test inventory.
func compile(t testing.TB, text string, o Options) *program.Program {
	t.Helper()
	p, diags := tryCompile(t, text, o)
	if diags.HasErrors() {
		t.Fatal(shown(diags))
	}
	return p
}

func tryCompile(t testing.TB, text string, o Options) (*program.Program, hcl.Diagnostics) {
	t.Helper()
	o.Modules = testModules
	return Compile(testInventory(t), parse(t, text), o)
}

func shown(diags hcl.Diagnostics) string {
	var b strings.Builder
	lang.WriteDiags(&b, nil, diags, false)
	return b.String()
}

// wantDiag fails unless some diagnostic holds all the words.
func wantDiag(t *testing.T, diags hcl.Diagnostics, words ...string) {
	t.Helper()
	for _, d := range diags {
		text := d.Summary + ": " + d.Detail
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			return
		}
	}
	t.Errorf("no diagnostic with %q in:\n%s", words, shown(diags))
}

// config decodes the request of vertex "step@host".
func config(t *testing.T, p *program.Program, vertex string, facts map[string]machine.Facts) *note {
	t.Helper()
	r := request(t, p, vertex, facts)
	if r.Skip != "" {
		t.Fatalf("%s is skipped: %s", vertex, r.Skip)
	}
	c, err := modules.Decode(testModules[0], r.Config)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*note)
}

func request(t *testing.T, p *program.Program, vertex string, facts map[string]machine.Facts) program.Request {
	t.Helper()
	for v := range p.Vertices {
		if p.Name(int32(v)) != vertex {
			continue
		}
		requests, err := p.Bind.Requests(p.Vertices[v].Host, facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			if r.Vertex == int32(v) {
				return r
			}
		}
	}
	t.Fatalf("there is no vertex %s in:\n%s", vertex, graphText(p))
	panic("unreachable")
}

// graphText writes a program: steps, then each host's vertices in run order with
// what they wait for.
func graphText(p *program.Program) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "step %s %s batch=%d max_fail=%d timeout=%s\n", s.Name, s.Pos, s.Batch, s.MaxFail, s.Timeout)
	}
	needs := make([][]string, len(p.Vertices))
	for v := range p.Vertices {
		for _, n := range p.Graph.Next(int32(v)) {
			needs[n] = append(needs[n], p.Name(int32(v)))
		}
	}
	for h := range p.Hosts {
		for v, x := range p.Vertices {
			if int(x.Host) != h {
				continue
			}
			fmt.Fprintf(&b, "%s", p.Name(int32(v)))
			if len(needs[v]) > 0 {
				fmt.Fprintf(&b, " <- %s", strings.Join(needs[v], " "))
			}
			b.WriteString("\n")
		}
	}
	for _, a := range p.AfterAll {
		fmt.Fprintf(&b, "all %s <- %s\n", p.Steps[a[0]].Name, p.Steps[a[1]].Name)
	}
	for _, a := range p.Assumed {
		fmt.Fprintf(&b, "assumed %s\n", a)
	}
	return b.String()
}

func TestGood(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Setenv("MUSTER_TEST_PASSWORD", "x")
			src, err := Find(file)
			if err != nil {
				t.Fatal(err)
			}
			limit := ""
			if m := regexp.MustCompile(`(?m)^# limit: (.*)$`).FindSubmatch(src.Files[file].Bytes); m != nil {
				limit = string(m[1])
			}
			p, diags := Compile(testInventory(t), src, Options{Modules: testModules, Limit: limit})
			if diags.HasErrors() {
				t.Fatal(shown(diags))
			}
			golden := strings.TrimSuffix(file, ".hcl") + ".golden"
			got := graphText(p)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("%v; got:\n%s\nwant:\n%s", err, got, want)
			}
		})
	}
}

// TestBad reads the wanted summaries off the comments: `# Summary | words of the
// detail` at the end of the offending line. Nothing else may be reported.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { checkBad(t, file) })
	}
}

func checkBad(t *testing.T, file string) {
	src, err := Find(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(src.Files[file].Bytes)
	diags := Validate(testInventory(t), src, Options{Modules: testModules})
	used := map[*hcl.Diagnostic]bool{}
	for i, line := range strings.Split(text, "\n") {
		_, comment, ok := strings.Cut(line, "# ")
		if !ok || !strings.Contains(comment, "|") {
			continue
		}
		for want := range strings.SplitSeq(comment, "&") {
			summary, words, _ := strings.Cut(strings.TrimSpace(want), "|")
			d := find(diags, i+1, strings.TrimSpace(summary), strings.TrimSpace(words), used)
			if d == nil {
				t.Errorf("line %d: no %q", i+1, want)
			}
			used[d] = true
		}
	}
	for _, d := range diags {
		if !used[d] {
			t.Errorf("unexpected: %s", shown(hcl.Diagnostics{d}))
		}
	}
}

func find(diags hcl.Diagnostics, line int, summary, words string, used map[*hcl.Diagnostic]bool) *hcl.Diagnostic {
	for _, d := range diags {
		if d.Subject.Start.Line == line && d.Summary == summary && strings.Contains(d.Detail, words) && !used[d] {
			return d
		}
	}
	return nil
}
