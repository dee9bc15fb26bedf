package main

import (
	"errors"
	"testing"

	"muster/transport"
)

func TestExplained(t *testing.T) {
	cause := errors.New("refused")
	for _, c := range []struct {
		want string
		err  error
	}{
		{"refused", cause},
		{"a: auth: refused", &transport.Error{Host: "a", Stage: transport.Auth, Err: cause}},
		{"a: sudo: refused: sorry (hint: ask)", &transport.Error{Host: "a", Stage: transport.Sudo, Err: cause, Stderr: "x\nsorry\n", Hint: "ask"}},
		{"a: sudo: refused", &transport.Error{Host: "a", Stage: transport.Sudo, Err: cause, Stderr: "refused"}},
	} {
		got := explained(c.err)
		if got.Error() != c.want || !errors.Is(got, cause) {
			t.Errorf("%v, want %s", got, c.want)
		}
	}
}
