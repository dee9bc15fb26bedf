package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/modules/machine"
)

func TestWriteShow(t *testing.T) {
	inv := good(t, Options{Extra: map[string]string{"ntp": "10.9.9.9"}})
	var out strings.Builder
	if err := inv.WriteShow(&out, "dgx007", false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"dgx007\n  address   10.0.1.7\n",
		`model          = "dgx-h200"                   # host dgx007  testdata/good/cluster.hcl:27,12`,
		`ntp            = "10.9.9.9"                   # -e` + "\n",
		`# group gpu  testdata/good/cluster.hcl:44,16`,
		`"(secret munge_key)"`,
		`"(secret sudo)"`,
		`{"files":[1,2],"mem":"max"}`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if err := inv.WriteShow(&out, "dgx07", false); err == nil || !strings.Contains(err.Error(), `did you mean "dgx007"`) {
		t.Errorf("%v", err)
	}
	out.Reset()
	if err := inv.WriteShow(&out, "dgx007", true); err != nil {
		t.Fatal(err)
	}
	var host shownHost
	if err := json.Unmarshal([]byte(out.String()), &host); err != nil || host.Vars["model"].Line != 27 ||
		host.Vars["key"].Value != "(secret munge_key)" || host.Connection["user"].Value != "admin" {
		t.Errorf("%v %+v", err, host)
	}
}

func TestWriteList(t *testing.T) {
	inv := load(t, filepath.Join("testdata", "good", "folder"), Options{})
	var out strings.Builder
	if err := inv.WriteList(&out, false); err != nil {
		t.Fatal(err)
	}
	want := "HOST   ADDRESS     GROUPS\nhead   192.0.2.1   login\nn1     192.0.2.11  compute\n" +
		"n2     192.0.2.12  compute\nn3     192.0.2.13  compute\nlocal  local       \n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	if err := inv.WriteList(&out, true); err != nil {
		t.Fatal(err)
	}
	var hosts []shownHost
	if err := json.Unmarshal([]byte(out.String()), &hosts); err != nil || len(hosts) != 5 || hosts[1].Line != 1 {
		t.Errorf("%v %+v", err, hosts)
	}
}

func TestWriteGraph(t *testing.T) {
	inv := good(t, Options{})
	var out strings.Builder
	if err := inv.WriteGraph(&out); err != nil {
		t.Fatal(err)
	}
	want := `all (35 hosts)
  gpu (33 hosts)
    gpu_old (1 host)
      old1
    dgx[001-032]
  rack1 (5 hosts)
    dgx[001-004],old1
  slurm_controller (2 hosts)
    mgmt[01-02]
  slurm_node (32 hosts)
    dgx[001-032]
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestFactsCache(t *testing.T) {
	inv := load(t, write(t, `hosts "n[1-2]" {}`), Options{})
	if facts, err := inv.LoadFacts(); err != nil || len(facts) != 0 {
		t.Fatalf("%v %v", facts, err)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	recorded := `{"n1": {"facts": {"hostname": "n1", "cpus": 4}, "at": "2026-11-23T12:00:00Z"}, "gone": {}}`
	if err := os.WriteFile(filepath.Join(inv.Dir, "facts.json"), []byte(recorded), 0o600); err != nil {
		t.Fatal(err)
	}
	facts, err := inv.LoadFacts()
	if err != nil || len(facts) != 1 || facts["n1"].Facts.CPUs != 4 || !facts["n1"].At.Equal(at) {
		t.Fatalf("%v %v", facts, err)
	}
	facts["n2"] = HostFacts{Facts: machine.Facts{Hostname: "n2", GPUs: []machine.PCI{{Vendor: "10de"}}}, At: at}
	if err := inv.SaveFacts(facts); err != nil {
		t.Fatal(err)
	}
	again, err := inv.LoadFacts()
	if diff := cmp.Diff(facts, again); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	path := filepath.Join(inv.StateDir, "facts.json")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := inv.LoadFacts(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
}
