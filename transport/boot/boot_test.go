package boot

import (
	"os/exec"
	"strings"
	"testing"

	"muster/transport"
	"muster/transport/wire"
)

// TestScriptSurvivesShells: what a login's own shell might change is not in it.
func TestScriptSurvivesShells(t *testing.T) {
	if i := strings.IndexAny(script, "'\\!\n\r\x00"); i >= 0 {
		t.Errorf("the script has %q", script[i])
	}
	if out, err := exec.Command("/bin/sh", "-n", "-c", script).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCommandLine(t *testing.T) {
	o := Options{AgentArgs: transport.AgentArgs{Mode: wire.Plan, Run: "r1", Who: "me@h"}}
	digests := map[string]string{"amd64": "aa"}
	tail := " muster /var/lib/muster aa - - serve --mode plan --run r1 --who me@h --dir /var/lib/muster"
	for _, tt := range []struct {
		become   bool
		password []byte
		head     string
	}{
		{false, nil, "exec /bin/sh -c '"},
		{true, nil, "exec env LC_ALL=C sudo -n -- /bin/sh -c '"},
		{true, []byte("pw"), "exec env LC_ALL=C sudo -S -p PROMPT: -- /bin/sh -c '"},
	} {
		o.Become, o.SudoPassword = tt.become, tt.password
		got, err := commandLine(o, digests, "-", "PROMPT:")
		if err != nil || got != tt.head+script+"'"+tail {
			t.Errorf("got %s, %v", got, err)
		}
		if strings.Contains(got, "pw") {
			t.Error("the password is in the command")
		}
	}
	o.Dir = "/var/$(reboot)"
	if _, err := commandLine(o, digests, "-", "P"); err == nil {
		t.Error("a folder that is a command was accepted")
	}
}

func TestArch(t *testing.T) {
	for text, want := range map[string]string{
		"muster: no agent for Linux x86_64, uid 0\n":           "amd64",
		"motd\nmuster: no agent for Linux aarch64, uid 1000\n": "arm64",
		"muster: no agent for Darwin arm64, uid 0\n":           "Darwin arm64",
		"sh: not found\n": "",
	} {
		if got := (&stderr{tail: []byte(text), prompt: []byte("P:")}).arch(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
