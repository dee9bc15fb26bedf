package mariadb

import (
	"slices"
	"testing"

	"muster/modules"
)

// A server that does not take a statement prints it, with the hash in it.
func TestDerived(t *testing.T) {
	var c modules.Deriver = &Config{Users: []User{{Password: modules.Secret{Bytes: []byte("correct-horse\n")}}, {Password: modules.Secret{Pending: true}}}}
	if got := c.Derived(); !slices.Equal(got, []string{"correct-horse", "*D4D16E8D614A8CBB98AE116E1B6CCBC823AEA715"}) {
		t.Errorf("%q", got)
	}
}
