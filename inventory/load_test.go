package inventory

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"muster/inventory/lang"
)

// good loads the example inventory.
func good(t *testing.T, o Options) *Inventory {
	t.Helper()
	return load(t, filepath.Join("testdata", "good", "cluster.hcl"), o)
}

func load(t *testing.T, path string, o Options) *Inventory {
	t.Helper()
	inv, diags := Load(path, o)
	if diags.HasErrors() {
		var out strings.Builder
		lang.WriteDiags(&out, inv.Source.Files, diags, false)
		t.Fatal(out.String())
	}
	return inv
}

// write makes an inventory file of its own folder.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inventory.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wanted(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if _, want, found := strings.Cut(lines.Text(), "# want: "); found {
			out = append(out, fmt.Sprintf("%d: %s", n, want))
		}
	}
	return out
}

// TestBad expects, for each file, exactly the summaries that its comments name,
// on their lines and all at once.
func TestBad(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("testdata", "bad", "*.hcl"))
	if len(files) < 6 {
		t.Fatalf("only %d files", len(files))
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := wanted(t, path)
			inv, diags := Load(path, Options{})
			var got []string
			slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Byte - b.Subject.Start.Byte })
			for _, d := range diags {
				got = append(got, fmt.Sprintf("%d: %s", max(1, d.Subject.Start.Line), d.Summary))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				var out strings.Builder
				lang.WriteDiags(&out, inv.Source.Files, diags, false)
				t.Errorf("want -, got +:\n%s\n%s", diff, out.String())
			}
		})
	}
}

func TestGood(t *testing.T) {
	inv := good(t, Options{})
	if inv.Cluster != (Cluster{"lab", "lab.example.com"}) || filepath.Base(inv.StateDir) != "lab" ||
		inv.StateDir != filepath.Join(inv.Dir, ".muster", "lab") || len(inv.Digest) != 64 {
		t.Errorf("%+v %s %s", inv.Cluster, inv.StateDir, inv.Digest)
	}
	if len(inv.Hosts) != 35 || inv.Hosts[0].Name != "mgmt01" || inv.Hosts[2].Name != "dgx001" || inv.Hosts[34].Name != "old1" {
		t.Fatalf("%d hosts", len(inv.Hosts))
	}
	h := inv.Host("dgx007")
	if got := strings.Join(h.Groups, " "); got != "all gpu slurm_node" || h.Address != "10.0.1.7" {
		t.Errorf("dgx007: %s %s", got, h.Address)
	}
	c := h.Connection
	if c.User != "admin" || c.Port != 22 || !c.Become || !c.Agent || c.HostKeyPolicy != "strict" || c.BecomePassword.Name != "sudo" ||
		len(c.HostKeys) != 1 || c.Jump[0] != "ops@bastion.example.com:2222" || !filepath.IsAbs(c.Identity[0]) {
		t.Errorf("dgx007: %+v", c)
	}
	if c := inv.Host("mgmt02").Connection; c.Port != 2022 || c.BecomePassword != nil || c.User != "admin" {
		t.Errorf("mgmt02: %+v", c)
	}
	if old := inv.Host("old1"); old.Address != "old1" || strings.Join(old.Groups, " ") != "all gpu gpu_old rack1" {
		t.Errorf("old1: %s %v", old.Address, old.Groups)
	}
	if g := inv.Groups["gpu"]; len(g.Hosts) != 33 || g.Hosts[32].Name != "old1" || len(inv.Groups["rack1"].Hosts) != 5 ||
		len(inv.Groups["all"].Hosts) != 35 || len(inv.Groups["slurm_controller"].Hosts) != 2 {
		t.Errorf("gpu: %d hosts", len(inv.Groups["gpu"].Hosts))
	}
	if s := inv.Secrets["sudo"]; s.File != filepath.Join(inv.Dir, "sudo.b64") || s.Encoding != "base64" ||
		inv.Secrets["munge_key"].Generate != 128 || inv.Secrets["db_password"].Env != "SLURM_DB_PASSWORD" {
		t.Errorf("%+v", s)
	}
}

func TestPrecedence(t *testing.T) {
	inv := good(t, Options{Extra: map[string]string{"ntp": "10.9.9.9", "cpus": "8", "new": "5"}})
	cases := []struct{ host, name, value, from string }{
		{"mgmt01", "driver_branch", `"none"`, "group all"},
		{"dgx001", "driver_branch", `"580-server"`, "group gpu"},
		{"old1", "driver_branch", `"470-SERVER"`, "group gpu_old"},
		{"dgx001", "model", `"dgx-h100"`, "hosts dgx[001-032]"},
		{"dgx007", "model", `"dgx-h200"`, "host dgx007"},
		{"dgx001", "cpus", `8`, "-e"},
		{"mgmt01", "cpus", `"8"`, "-e"},
		{"dgx001", "ntp", `"10.9.9.9"`, "-e"},
		{"old1", "new", `"5"`, "-e"},
		{"dgx001", "key", `"(secret munge_key)"`, "group gpu"},
	}
	for _, c := range cases {
		v := inv.Host(c.host).Vars[c.name]
		if valueText(v.Value) != c.value || v.From != c.from || (v.From != "-e" && v.Range.Start.Line == 0) {
			t.Errorf("%s.%s = %s from %s at %s; want %s from %s", c.host, c.name,
				valueText(v.Value), v.From, lang.Where(v.Range), c.value, c.from)
		}
	}
	for _, extra := range []map[string]string{{"cpus": "many"}, {"a b": "1"}, {"limits": "x"}} {
		if _, diags := Load(inv.Path, Options{Extra: extra}); len(diags) != 1 {
			t.Errorf("-e %v: %v", extra, diags)
		}
	}
}

// TestDiamond gives a host two groups and a common child of both: the child
// decides, in whatever order they are named.
func TestDiamond(t *testing.T) {
	inv := load(t, write(t, `
host "n" { groups = ["c"] }
group "a" {
  children = ["c"]
  vars = { x = "a" }
}
group "c" {
  vars = { x = "c" }
}
group "b" {
  children = ["c"]
  vars = { x = "b" }
}`), Options{})
	if v := inv.Host("n").Vars["x"]; v.From != "group c" {
		t.Errorf("from %s", v.From)
	}
}

func TestFolder(t *testing.T) {
	inv := load(t, filepath.Join("testdata", "good", "folder"), Options{})
	if filepath.Base(inv.Dir) != "folder" || len(inv.Hosts) != 5 || inv.Hosts[0].Name != "head" ||
		!inv.Host("local").Connection.Local || inv.Cluster.Name != "default" {
		t.Errorf("%+v", inv)
	}
}

// TestHostBeforeRange refines a host of a range in an earlier file.
func TestHostBeforeRange(t *testing.T) {
	inv := load(t, write(t, `
host "n2" {
  address = "192.0.2.99"
  vars = { a = "own" }
}
hosts "n[1-3]" {
  address = "192.0.2.[1-3]"
  vars = { a = "range" }
}`), Options{})
	h := inv.Host("n2")
	if h.Address != "192.0.2.99" || valueText(h.Vars["a"].Value) != `"own"` || len(inv.Hosts) != 3 {
		t.Errorf("%s %v", h.Address, h.Vars)
	}
}

func TestWritableByOthers(t *testing.T) {
	path := write(t, `host "n" {}`)
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, info.Mode()|0o002); err != nil {
			t.Fatal(err)
		}
		if _, diags := Load(path, Options{}); len(diags) != 1 || diags[0].Summary != "Inventory refused" {
			t.Errorf("%s: %v", p, diags)
		}
		if err := os.Chmod(p, info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	if _, diags := Load(path, Options{}); diags.HasErrors() {
		t.Error(diags)
	}
}

func TestLarge(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "host \"n%05d\" {\n  address = \"10.1.%d.%d\"\n  groups = [\"g%d\"]\n  vars = { slot = %d }\n}\n", i, i/250, i%250, i%50, i)
	}
	b.WriteString("group \"g7\" {\n  vars = { x = 1 }\n}\n")
	start := time.Now()
	inv := load(t, write(t, b.String()), Options{})
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("10 000 hosts took %s", took)
	}
	if hosts, err := inv.Match("g7:&n0[0000-0999]?"); err != nil || len(hosts) != 20 {
		t.Errorf("%d hosts, %v", len(hosts), err)
	}
}
