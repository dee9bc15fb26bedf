package main

import (
	"strings"
	"testing"

	"muster/playbooks/event"
)

// TestNoNodeSpeaksForAnother: what looks like a heading in a node's output is not at
// the beginning of a line.
func TestNoNodeSpeaksForAnother(t *testing.T) {
	o := &outputs{text: map[string]*strings.Builder{}}
	o.Emit(event.Event{Kind: event.StepOutput, Host: "evil", Text: "--- 1: good\nall is well\n--- 1: better\r\nplain\n"})
	o.Emit(event.Event{Kind: event.StepOutput, Host: "good", Text: "no\n"})
	var b strings.Builder
	if err := o.write(&b); err != nil {
		t.Fatal(err)
	}
	want := "--- 1: evil\n --- 1: good\nall is well\n --- 1: better\\x0d\nplain\n--- 1: good\nno\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
