package playbooks

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"muster/inventory"
	"muster/modules/machine"
)

func factsOf(names ...string) map[string]machine.Facts {
	out := map[string]machine.Facts{}
	for i, name := range names {
		out[name] = machine.Facts{Hostname: name, CPUs: 4 * (i + 1), Arch: "amd64"}
	}
	return out
}

func TestArguments(t *testing.T) {
	p := compile(t, `
variable "size" {
  type    = number
  default = 3
}
variable "pin" {
  type      = string
  sensitive = true
  default   = "1234"
}
locals {
  base  = "/opt"
  cpus  = host.facts.cpus
  twice = "${local.cpus}/${local.cpus}"
}

step "note" "a" {
  on     = "dgx[01-02]"
  path   = "${local.base}/${host.name}"
  text   = "${host.vars.model} ${local.twice}"
  mode   = var.size + 1
  backup = "true"
  tags   = [for h in hosts("compute") : "${h.name}=${h.facts == null ? "?" : h.facts.cpus}"]
  env    = { ADDRESS = host.address, N = 1, RACK = tostring(host.vars.rack) }
  key    = var.pin
  peers  = hosts("controller, dgx01")
  part "x" {
    nodes   = [for h in hosts("compute") : h if try(h.facts.cpus, 0) > 4]
    default = true
  }
  part "y" {
    nodes = "dgx04"
  }
}
`, Options{})
	facts := factsOf("dgx01", "dgx02")
	n := config(t, p, "note[a]@dgx02", facts)
	if n.Path != "/opt/dgx02" || n.Text != "h100 8/8" || n.Mode != 4 || !n.Backup {
		t.Errorf("%+v", n)
	}
	if got := strings.Join(n.Tags, " "); got != "dgx01=4 dgx02=8 dgx03=? dgx04=?" {
		t.Errorf("tags %s", got)
	}
	if n.Env["ADDRESS"] != "10.0.1.2" || n.Env["N"] != "1" || n.Env["RACK"] != "1" {
		t.Errorf("env %v", n.Env)
	}
	if string(n.Key.Bytes) != "1234" {
		t.Errorf("the key is %q", n.Key.Bytes)
	}
	var peers []string
	for _, h := range n.Peers {
		peers = append(peers, h.Name)
	}
	if got := strings.Join(peers, " "); got != "mgmt01 mgmt02 dgx01" || n.Peers[2].Facts.CPUs != 4 || n.Peers[0].Facts != nil {
		t.Errorf("peers %s", got)
	}
	if n.Peers[2].Vars["model"] != "h100" || n.Peers[2].Vars["rack"] != "1" || !slices.Contains(n.Peers[2].Groups, "gpu") {
		t.Errorf("peer %+v", n.Peers[2])
	}
	if len(n.Part) != 2 || n.Part[0].Name != "x" || !n.Part[0].Default || n.Part[0].Nodes[0].Name != "dgx02" || n.Part[1].Nodes[0].Name != "dgx04" {
		t.Errorf("parts %+v", n.Part)
	}
}

func TestWhen(t *testing.T) {
	p := compile(t, `
step "note" "new" {
  on   = "compute"
  when = host.vars.model == "h200"
  path = "/${host.vars.extra}"
}
step "note" "big" {
  on   = "compute"
  when = host.facts.cpus > 4
  path = "/big"
}
step "note" "fleet" {
  on   = "compute"
  when = length([for h in hosts("compute") : h if h.facts.cpus > 8]) > 1
  path = "/fleet"
}
`, Options{})
	facts := factsOf("dgx01", "dgx02", "dgx03", "dgx04")
	for vertex, runs := range map[string]bool{
		"note[new]@dgx01": false, "note[new]@dgx04": true, "note[big]@dgx01": false, "note[big]@dgx02": true, "note[fleet]@dgx01": true,
	} {
		r := request(t, p, vertex, facts)
		if (r.Skip == "") != runs {
			t.Errorf("%s: skip %q", vertex, r.Skip)
		}
		if !runs && !strings.HasPrefix(r.Skip, "when is false (play.hcl:") {
			t.Errorf("%s: skip %q", vertex, r.Skip)
		}
	}
}

// TestFactsMissing needs the facts of a host that was never reached.
func TestFactsMissing(t *testing.T) {
	p := compile(t, `
step "note" "a" {
  on   = "dgx01"
  path = "/${host.facts.hostname}"
}
step "note" "b" {
  on   = "dgx01"
  path = "/${try(host.facts.hostname, "none")}"
}
`, Options{})
	_, err := p.Bind.Requests(0, nil)
	if err == nil || !strings.Contains(err.Error(), "dgx01: play.hcl:4,10: wrong value: The facts of host dgx01 are needed") || strings.Contains(err.Error(), "play.hcl:8") {
		t.Errorf("%v", err)
	}
}

// TestLateMistakes are those that only facts can show; all are in one error.
func TestLateMistakes(t *testing.T) {
	p := compile(t, `
step "note" "a" {
  on   = "dgx01"
  path = host.facts.hostname
  mode = host.facts.cpus / 3
}
step "note" "b" {
  on   = "dgx01"
  path = host.facts.hostname
}
`, Options{})
	_, err := p.Bind.Requests(0, factsOf("dgx01"))
	for _, want := range []string{"play.hcl:5,10: wrong value: Argument mode: a whole number is needed", `play.hcl:9,10: invalid argument: Path: "dgx01" is no absolute path`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// TestShared checks that what needs no host is encoded once, and again for new facts.
func TestShared(t *testing.T) {
	p := compile(t, `
step "note" "a" {
  on    = "compute"
  path  = "/a"
  peers = hosts("compute")
}
`, Options{})
	facts := factsOf("dgx01")
	one, two := request(t, p, "note[a]@dgx01", facts), request(t, p, "note[a]@dgx02", facts)
	if &one.Config[0] != &two.Config[0] {
		t.Error("equal configurations are kept twice")
	}
	three := request(t, p, "note[a]@dgx02", factsOf("dgx01", "dgx02"))
	if bytes.Equal(one.Config, three.Config) {
		t.Error("new facts change nothing")
	}
}

func TestSecrets(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("MUSTER_AGE_IDENTITY", "")
	t.Setenv("MUSTER_TEST_PASSWORD", "hunter2")
	inv := testInventory(t)
	inv.StateDir = t.TempDir()
	secrets, err := inventory.OpenSecrets(inv, "")
	if err != nil {
		t.Fatal(err)
	}
	src := parse(t, `
step "note" "made" {
  on   = "dgx01"
  path = "/a"
  key  = secret.key
}
step "note" "env" {
  on   = "dgx01"
  path = "/a"
  key  = secret.password
}
`)
	p, diags := Compile(inv, src, Options{Modules: testModules, Secrets: secrets})
	if diags.HasErrors() {
		t.Fatal(shown(diags))
	}
	if n := config(t, p, "note[env]@dgx01", nil); string(n.Key.Bytes) != "hunter2" || request(t, p, "note[env]@dgx01", nil).Pending {
		t.Errorf("%+v", n)
	}
	if n := config(t, p, "note[made]@dgx01", nil); !n.Key.Pending || !request(t, p, "note[made]@dgx01", nil).Pending {
		t.Errorf("%+v", n)
	}
	if err := p.Bind.Materialise(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := config(t, p, "note[made]@dgx01", nil); n.Key.Pending || len(n.Key.Bytes) < 32 || request(t, p, "note[made]@dgx01", nil).Pending {
		t.Errorf("%+v", n)
	}
}

// TestSecretMissing finds an unset variable before anything connects, but not for
// a step that is switched off.
func TestSecretMissing(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("MUSTER_TEST_PASSWORD", "")
	inv := testInventory(t)
	secrets, err := inventory.OpenSecrets(inv, "")
	if err != nil {
		t.Fatal(err)
	}
	text := `
variable "on" { default = false }
step "note" "env" {
  on   = "dgx01"
  when = var.on
  path = "/a"
  key  = secret.password
}
`
	o := Options{Modules: testModules, Secrets: secrets}
	if _, diags := Compile(inv, parse(t, text), o); diags.HasErrors() {
		t.Error(shown(diags))
	}
	o.Vars = map[string]string{"on": "true"}
	_, diags := Compile(inv, parse(t, text), o)
	wantDiag(t, diags, "Wrong value", "MUSTER_TEST_PASSWORD is not set")
}
