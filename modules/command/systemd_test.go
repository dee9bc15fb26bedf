package command

import "testing"

func TestAsksSystemd(t *testing.T) {
	for _, c := range []struct {
		want string
		argv []string
	}{
		{"", nil},
		{"", []string{"test", "-e", "/usr/bin/systemctl"}},
		{"systemctl", []string{"/usr/bin/systemctl", "is-active", "ssh"}},
		{"service", []string{"env", "LANG=C", "service", "ssh", "status"}},
		{"systemctl", []string{"sh", "-c", "systemctl is-active ssh"}},
		{"systemctl", []string{"/bin/bash", "-ec", "[ -e /x ] && ! systemctl -q is-active ssh"}},
		{"busctl", []string{"sh", "-c", "if a=$(busctl list); then true; fi"}},
		{"hostnamectl", []string{"sh", "-c", "test x = \"$(hostnamectl hostname)\""}},
		{"", []string{"sh", "-c", "grep -q service /etc/nsswitch.conf"}},
		{"", []string{"sh", "-c", "command -v systemctl; ls | grep systemctl"}},
		{"", []string{"grep", "service", "/etc/x"}},
	} {
		if got := asksSystemd(c.argv); got != c.want {
			t.Errorf("%q: %q, want %q", c.argv, got, c.want)
		}
	}
}
