package playbooks

import (
	"bytes"
	"strings"
	"testing"

	"muster/modules/machine"
)

// alikeText is a playbook whose steps depend on hosts in many ways.
const alikeText = `
locals {
  size  = host.facts.cpus * 2
  label = "${host.vars.model}-${local.size}"
}
step "note" "name" {
  on   = "compute"
  path = "/${host.name}"
}
step "note" "model" {
  on   = "compute"
  path = "/m"
  text = host.vars.model
  tags = [for g in host.facts.gpus : g.vendor]
}
step "note" "local" {
  on   = "compute"
  path = "/l"
  text = local.label
  part "x" {
    nodes   = "dgx04"
    default = host.facts.cpus > 6
  }
}
step "note" "when" {
  on   = "compute"
  when = length(host.facts.gpus) > 1
  path = "/w"
}
step "note" "whole" {
  on   = "compute"
  path = "/all"
  env  = { for k, v in host.vars : k => "${v}" }
  text = host.facts == null ? "none" : try(host.facts.nics[0].mac, "no card")
}
step "note" "groups" {
  on   = "compute"
  path = "/g"
  tags = host.groups
  text = try(host.vars.nowhere, host.address)
}
`

func alikeFacts() map[string]machine.Facts {
	gpus := []machine.PCI{{Vendor: "10de"}, {Vendor: "10de", Device: "2330"}}
	return map[string]machine.Facts{
		"dgx01": {CPUs: 4, GPUs: gpus[:1]}, "dgx02": {CPUs: 4, GPUs: gpus},
		"dgx03": {CPUs: 8, GPUs: []machine.PCI{{Vendor: "10de"}, {Vendor: "10de", Device: "2330"}}, NICs: []machine.NIC{{MAC: "02:00"}}},
		"dgx04": {CPUs: 4, GPUs: gpus},
	}
}

// TestAlikeHosts: what is worked out of one host holds only for hosts that are alike
// in what it was worked out from.
func TestAlikeHosts(t *testing.T) {
	p, facts := compile(t, alikeText, Options{}), alikeFacts()
	for v := range p.Vertices {
		name := p.Name(int32(v))
		// The other program has never seen another host.
		got, want := request(t, p, name, facts), request(t, compile(t, alikeText, Options{}), name, facts)
		if !bytes.Equal(got.Config, want.Config) || got.Skip != want.Skip {
			t.Errorf("%s: %q %s, alone %q %s", name, got.Config, got.Skip, want.Config, want.Skip)
		}
	}
	if n := config(t, p, "note[local]@dgx03", facts); n.Text != "h100-16" || !n.Part[0].Default {
		t.Errorf("a local of the host: %+v", n)
	}
	if n := config(t, p, "note[whole]@dgx03", facts); n.Text != "02:00" || n.Env["model"] != "h100" {
		t.Errorf("the whole host: %+v", n)
	}
	if n := config(t, p, "note[groups]@dgx02", facts); n.Text != "10.0.1.2" {
		t.Errorf("a variable that is not there: %+v", n)
	}
	if r := request(t, p, "note[when]@dgx01", facts); r.Skip == "" {
		t.Error("a condition that holds on other hosts holds on dgx01")
	}
}

// TestAlikeEvaluatedOnce: hosts that are alike share one configuration.
func TestAlikeEvaluatedOnce(t *testing.T) {
	p, facts := compile(t, alikeText, Options{}), alikeFacts()
	b := p.Bind.(*binder)
	for h := range p.Hosts {
		if _, err := b.Requests(int32(h), facts); err != nil {
			t.Fatal(err)
		}
	}
	kept := map[string]int{}
	for l := range b.shared {
		kept[l.step.name()]++
	}
	if kept["note[name]"] != 4 || kept["note[local]"] != 3 || kept["note[whole]"] != 0 {
		t.Errorf("configurations that are kept, by step: %v", kept)
	}
}

// TestLateMistakeWhole: a mistake that only one host shows is told with all that the
// host has, though less of it was looked at.
func TestLateMistakeWhole(t *testing.T) {
	p := compile(t, "step \"note\" \"a\" {\n  on   = \"dgx01\"\n  path = \"/a\"\n  text = host.facts.cpus > 1 ? host.vars.modell : \"\"\n}\n", Options{})
	_, err := p.Bind.Requests(0, factsOf("dgx01"))
	if err == nil || !strings.Contains(err.Error(), `Did you mean "model"`) {
		t.Errorf("%v", err)
	}
}
