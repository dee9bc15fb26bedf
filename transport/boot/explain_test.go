package boot

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/transport"
)

// TestAdvice: each way in which a start can fail that a person can mend has its hint.
func TestAdvice(t *testing.T) {
	lost := fmt.Errorf("%w: EOF", transport.ErrLost)
	for _, c := range []struct {
		exit  int
		text  string
		cause error
		want  string
	}{
		{1, "muster-agent: lock: write /var/lib/muster/x: no space left on device\n", lost, "df -h"},
		{125, "head: write error: No space left on device\nmuster: cannot install x, uid 0\n", nil, "df -h"},
		{1, "muster-agent: lock: open /var/lib/muster/x: read-only file system\n", lost, "dmesg"},
		{1, "muster-agent: it has to run as root\n", lost, ""},
		{0, "", lost, "~/.bashrc"},
		{1, "This account is currently not available.\n", lost, "getent passwd"},
		{-1, "", fmt.Errorf("%w: noise", transport.ErrHostile), "~/.bashrc"},
		{-1, "", lost, ""}, // the connection broke: nothing is known
	} {
		got := advice(c.exit, c.text, c.cause)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("exit %d, %q: %q, want %q", c.exit, c.text, got, c.want)
		}
	}
	if got := notUploaded(errors.New("sftp: error receiving version packet from server: packet too long")); !strings.Contains(got, "silent") {
		t.Errorf("noise before SFTP: %q", got)
	}
	if got := uninstalled("motd\nhead: No space left on device\nmuster: cannot install x\n"); got != "muster: cannot install x: head: No space left on device" {
		t.Errorf("%q", got)
	}
}
