package ssh

import (
	"os/user"
	"testing"
)

// TestUserWithoutEnvironment: a login without a name would be refused by every node.
func TestUserWithoutEnvironment(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("USER", "")
	for _, p := range (&Target{Name: "n", Jump: []Hop{{Name: "j"}}}).peers() {
		if p.user != me.Username {
			t.Errorf("%s: user %q, want %q", p.name, p.user, me.Username)
		}
	}
	t.Setenv("USER", "eve")
	for want, target := range map[string]Target{"eve": {Name: "n"}, "bob": {Name: "n", User: "bob"}} {
		if got := target.peers()[0].user; got != want {
			t.Errorf("user %q, want %q", got, want)
		}
	}
}
