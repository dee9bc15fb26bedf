package mariadb

import (
	"context"
	"strings"
	"testing"

	"muster/modules"
	"muster/modules/machine"
)

// What is written travels by standard input, as a hash, and never the password.
func TestUserWrite(t *testing.T) {
	it := UserItem("slurm@localhost", modules.Secret{Bytes: []byte("correct-horse\n")}, "slurm_acct_db")
	tests := []struct {
		name string
		was  machine.State
		want string
	}{
		{"new", nil, `CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED BY PASSWORD '*D4D16E8D614A8CBB98AE116E1B6CCBC823AEA715';
ALTER USER 'slurm'@'localhost' IDENTIFIED BY PASSWORD '*D4D16E8D614A8CBB98AE116E1B6CCBC823AEA715';
REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'slurm'@'localhost';
` + "GRANT ALL PRIVILEGES ON `slurm_acct_db`.* TO 'slurm'@'localhost';\n"},
		{"another password", machine.State{"grants": it.Want["grants"]}, `CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED BY PASSWORD '*D4D16E8D614A8CBB98AE116E1B6CCBC823AEA715';
ALTER USER 'slurm'@'localhost' IDENTIFIED BY PASSWORD '*D4D16E8D614A8CBB98AE116E1B6CCBC823AEA715';
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ran machine.Run
			run := func(_ context.Context, r machine.Run) (machine.Result, error) { ran = r; return machine.Result{}, nil }
			if err := (UserTable{}).Write(t.Context(), run, it.Ref.Key, tt.was, it.Want); err != nil {
				t.Fatal(err)
			}
			if got := string(ran.Stdin); got != tt.want {
				t.Errorf("statements:\n%s\nwant:\n%s", got, tt.want)
			}
			if strings.Contains(string(ran.Stdin)+strings.Join(ran.Argv, " "), "correct-horse") {
				t.Error("the password itself leaves the module")
			}
		})
	}
}

func TestUserWriteRefusesWhatIsNoHash(t *testing.T) {
	run := func(context.Context, machine.Run) (machine.Result, error) {
		t.Error("a statement was run")
		return machine.Result{}, nil
	}
	want := machine.State{"password": {S: "x'; DROP DATABASE mysql; --", Secret: true}}
	if err := (UserTable{}).Write(t.Context(), run, "slurm@localhost", nil, want); err == nil {
		t.Error("no error")
	}
}

func TestPassword(t *testing.T) {
	tests := []struct{ name, bytes, want string }{
		{"text", "correct-horse", "correct-horse"},
		{"a file's last line break", "correct-horse\r\n", "correct-horse"},
		{"binary", "\x00\xff", "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Password(modules.Secret{Bytes: []byte(tt.bytes)}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
