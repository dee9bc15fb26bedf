package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"muster/inventory/lang"
	"muster/playbooks/event"
	"muster/playbooks/run"
	"muster/transport/wire"
)

func TestCommandLineHidesValues(t *testing.T) {
	a := &app{args: []string{"apply", "-e", "password=s3cret", "-etoken=s3cret", "--extra-vars=k=s3cret", "-ve", "p=s3cret", "-vep=s3cret2", "play.hcl"}}
	root := &cobra.Command{}
	a.flags.register(root)
	if err := root.PersistentFlags().Parse(a.args); err != nil {
		t.Fatal(err)
	}
	if got := a.commandLine(); strings.Contains(got, "s3cret") || !strings.Contains(got, "-e password=... -etoken=... --extra-vars=k=... -ve p=... -vep=...") {
		t.Errorf("command line: %s", got)
	}
}

func TestSensitiveVariablesAreNotKept(t *testing.T) {
	src, diags := lang.ParseBytes("p.hcl", []byte(`
variable "token" {
  sensitive = true
}
variable "open" {
  sensitive = false
}
variable "plain" {}
`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, want := range map[string]bool{"token": true, "open": false, "plain": false, "other": false} {
		if got := sensitive(src, name); got != want {
			t.Errorf("%s: sensitive %v, want %v", name, got, want)
		}
	}
}

func TestAsk(t *testing.T) {
	for answer, want := range map[string]error{"yes\n": nil, "yes": nil, "y\n": run.ErrDeclined, "": run.ErrDeclined, "no\n": run.ErrDeclined, "\n": run.ErrDeclined} {
		var told bytes.Buffer
		a := &app{in: strings.NewReader(answer), out: &bytes.Buffer{}, err: &told}
		if err := a.ask(t.Context(), "Apply?"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
		if strings.Contains(told.String(), "stdin ended: use --yes") != (answer == "") {
			t.Errorf("%q: told %q", answer, told.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	a := &app{in: r, out: &bytes.Buffer{}}
	if err := a.ask(ctx, "Apply?"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted prompt: %v", err)
	}
}

func TestOutputsAreGrouped(t *testing.T) {
	o := &outputs{text: map[string]*strings.Builder{}}
	for _, e := range []event.Event{
		{Kind: event.StepOutput, Host: "n01", Text: "6.12\n"}, {Kind: event.StepOutput, Host: "n02", Text: "6.12\n"},
		{Kind: event.StepResult, Host: "n01", State: event.Changed}, {Kind: event.StepOutput, Host: "n03", Text: "6.1\x1b[2J"},
		{Kind: event.StepResult, Host: "n04", State: event.Failed, Failure: &wire.Failure{Cause: "exit status 3", Stderr: "bad"}},
		{Kind: event.NodeState, Host: "n05", State: event.Unreachable, Text: "connect: refused"},
	} {
		o.Emit(e)
	}
	var out bytes.Buffer
	if err := o.write(&out); err != nil {
		t.Fatal(err)
	}
	want := "--- 2: n[01-02]\n6.12\n--- 1: n03\n6.1\\x1b[2J\n--- 1: n04\nbad\n(exit status 3)\n--- 1: n05\n(unreachable: connect: refused)\n"
	if out.String() != want {
		t.Errorf("output\n%s\nwant\n%s", out.String(), want)
	}
}

func TestPasswordFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pw")
	for text, want := range map[string]string{"geheim\n": "geheim", "geheim": "geheim", "": "", "a\nb\n": "", strings.Repeat("x", 5000): ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPasswordFile(path)
		if string(got) != want && err == nil || (err == nil) != (want != "") {
			t.Errorf("%.10q gives %q, %v", text, got, err)
		}
	}
}

func TestHop(t *testing.T) {
	for s, want := range map[string][3]any{
		"bastion": {"", "bastion", 0}, "eve@bastion:2222": {"eve", "bastion", 2222}, "[2001:db8::1]:22": {"", "2001:db8::1", 22},
		"u@[2001:db8::1]": {"u", "2001:db8::1", 0}, "b:22": {"", "b", 22},
	} {
		if h := hop(s); h.User != want[0] || h.Address != want[1] || h.Port != want[2] {
			t.Errorf("%s: %+v", s, h)
		}
	}
}
