package boot

import (
	"errors"
	"testing"

	"muster/transport"
	"muster/transport/wire"
)

// TestParse: what Start writes, Parse reads.
func TestParse(t *testing.T) {
	want := transport.AgentArgs{Mode: wire.Apply, Run: "r1", Who: "me@h", Dir: "/srv/muster"}
	for _, digest := range []string{"aa", ""} {
		for _, password := range [][]byte{nil, []byte("pw")} {
			o := Options{AgentArgs: want, Become: true}
			o.SudoPassword = password
			line, err := commandLine(o, map[string]string{"amd64": digest, "arm64": "bb"}, "-", "P:")
			if err != nil {
				t.Fatal(err)
			}
			got, found, err := Parse(line)
			if err != nil || found != digest || got.Mode != want.Mode || got.Run != want.Run || got.Who != want.Who || got.Dir != want.Dir {
				t.Errorf("%+v %q, %v", got, found, err)
			}
		}
	}
	for _, line := range []string{"", "hostname", "exec /bin/sh -c '" + script + "' muster /d aa bb - serve"} {
		if _, _, err := Parse(line); !errors.Is(err, ErrNotStart) {
			t.Errorf("%.40q: %v", line, err)
		}
	}
}
