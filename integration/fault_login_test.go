package integration

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// only writes an inventory in which node01 has a connection block of its own.
func (s *site) only(t *testing.T, connection string) {
	t.Helper()
	s.inventory(t, "admin", "", "")
	text := readText(t, s.dir, "inventory.hcl")
	mark := "host \"node01\" {\n"
	s.write(t, "inventory.hcl", strings.Replace(text, mark, mark+"connection {\n"+connection+"\n}\n", 1))
}

// otherKey makes a key that no node knows.
func (s *site) otherKey(t *testing.T) string {
	t.Helper()
	key := filepath.Join(s.dir, "other")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v %s", err, out)
	}
	return key
}

// notThere: a name that nobody knows, and a port where nobody listens.
func notThere(t *testing.T, s *site) {
	s.faulty(t, "file", marker)
	s.only(t, "port = 9")
	s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, []string{"connect: ", "connection refused", "is sshd running", "`port`"}})
	everywhere(t, s.Lab, forgetFaults)
	s.inventory(t, "admin", "", "")
	right := readText(t, s.dir, "inventory.hcl")
	s.write(t, "inventory.hcl", strings.Replace(right, `"`+s.address("node01")+`"`, `"no-such-name.invalid"`, 1))
	s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, []string{"resolve: ", "no-such-name.invalid", "`address`"}})
	s.write(t, "inventory.hcl", right)
	s.mendedBySame(t)
}

// forgetSshd takes sshd's special settings away; a restart also ends its penalties.
const forgetSshd = "rm -f /etc/ssh/sshd_config.d/fault.conf; systemctl restart ssh"

// penalised: sshd refuses an address for a while after failed logins; that is told as
// what it may be, and passes.
func penalised(t *testing.T, s *site) {
	s.undo(t, "node01", forgetSshd)
	on(t, s.Lab, "node01", "printf 'PerSourcePenalties authfail:90s min:15s\nLogLevel VERBOSE\n' >/etc/ssh/sshd_config.d/fault.conf && systemctl restart ssh")
	s.faulty(t, "file", marker)
	s.only(t, `identity = "`+s.otherKey(t)+`"`)
	s.run(t, "ping", "-l", "node01").want(t, 4)
	eventually(t, "sshd penalises", 10*time.Second, func() bool {
		return on(t, s.Lab, "node01", "journalctl -q -o cat -u ssh | grep -c 'active penalty of 90 seconds' || true") != "0"
	})
	s.inventory(t, "admin", "", "")
	r := s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable,
		[]string{"banner/kex: ", "(tried 6 times)", "MaxStartups", "a penalty for failed logins from this address (PerSourcePenalties)"}})
	on(t, s.Lab, "node01", forgetSshd)
	s.mended(t, r)
}

// wrongKey: it is offered once. Two runs with it are few enough for sshd, whose
// penalties are switched on in Debian 13, to let the right key in at once.
func wrongKey(t *testing.T, s *site) {
	if got := on(t, s.Lab, "node01", "sshd -T | grep -i -w persourcepenalties"); !strings.Contains(got, "authfail:5 ") {
		t.Fatalf("sshd does not punish failed logins, and this would prove nothing: %s", got)
	}
	key := s.otherKey(t)
	failures := func() string {
		return on(t, s.Lab, "node01", `journalctl -q -o cat -u ssh | grep -c 'Connection closed by authenticating user admin .*preauth' || true`)
	}
	before := failures()
	s.only(t, `identity = "`+key+`"`)
	s.faulty(t, "file", marker)
	s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable,
		[]string{"auth: admin was refused", "SHA256:", "`identity`", "authorized_keys"}})
	s.run(t, "ping", "-l", "node01").want(t, 4)
	if got := failures(); before == got {
		t.Fatalf("sshd has seen no refused login (%s, then %s): nothing was shown", before, got)
	}
	s.inventory(t, "admin", "", "")
	s.mendedBySame(t)
}

// hostKey: an unknown key and a changed one are told with the fingerprint, the place
// in known_hosts and what to do, and nothing is done on the node.
func hostKey(t *testing.T, s *site) {
	address := s.address("node01")
	print := func(key string) string { // which of its keys sshd shows is settled by what is known
		return strings.Fields(on(t, s.Lab, "node01", "ssh-keygen -lf /etc/ssh/ssh_host_"+key+"_key.pub"))[1]
	}
	known := filepath.Join(s.dir, "known_hosts")
	s.only(t, `known_hosts = "`+known+`"`)
	s.faulty(t, "file", marker)
	s.write(t, "known_hosts", "# none yet\n")
	s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable,
		[]string{"host key: the host key is not known", print("ecdsa"), "ssh-keyscan -p 22 " + address + " >> " + known, "--host-key=accept-new"}})
	everywhere(t, s.Lab, forgetFaults)

	other := strings.Fields(readText(t, s.Dir, lab.FileKey+".pub"))
	s.write(t, "known_hosts", "# one line before it\n"+address+" "+other[0]+" "+other[1]+"\n")
	for _, flags := range [][]string{nil, {"--host-key=accept-new"}} {
		everywhere(t, s.Lab, forgetFaults)
		s.hits(t, s.apply(t, 4, append(flags, "play.hcl")...), hit{"node01", 4, event.Unreachable,
			[]string{"host key has CHANGED", known + ":2", print("ed25519"), "ssh-keygen -R '" + address + "'"}})
	}
	s.write(t, "known_hosts", "")
	s.mendedBySame(t, "--host-key=accept-new")
	if got := readText(t, known); !strings.Contains(got, address+" ecdsa-sha2-nistp256 ") {
		t.Errorf("the accepted key is not written down: %q", got)
	}
}

// sudoFaults: one attempt with a wrong password; a user who may not use sudo.
func sudoFaults(t *testing.T, s *site) {
	attempts := func() string {
		return on(t, s.Lab, "node01", `journalctl -q -o cat SYSLOG_IDENTIFIER=sudo | grep 'incorrect password attempt' || true`)
	}
	before := attempts()
	s.write(t, "wrong", "not the password\n") // its end is no second attempt
	s.only(t, "user = \"pwadmin\"\nbecome_password = secret.sudo")
	more := "secret \"sudo\" {\n file = \"%s\"\n}\n"
	inventory := readText(t, s.dir, "inventory.hcl")
	s.write(t, "inventory.hcl", inventory+strings.Replace(more, "%s", filepath.Join(s.dir, "wrong"), 1))
	s.faulty(t, "file", marker)
	r := s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable,
		[]string{"sudo: sudo refused the password", "tried once", "--become-password-file"}})
	if got := strings.TrimPrefix(attempts(), before); strings.Count(got, "incorrect password attempt") != 1 || !strings.Contains(got, "1 incorrect password attempt") {
		t.Errorf("sudo has counted: %q", got)
	}
	if strings.Contains(r.stdout+r.stderr, "not the password") {
		t.Error("the password was printed")
	}
	s.write(t, "inventory.hcl", inventory+strings.Replace(more, "%s", filepath.Join(s.Dir, lab.FilePassword), 1))
	s.mendedBySame(t)

	everywhere(t, s.Lab, forgetFaults)
	s.only(t, `user = "alice"`) // who may not use it at all is asked for a password first
	s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, []string{"sudo: sudo needs a password", "-K"}})
	everywhere(t, s.Lab, forgetFaults)
	s.undo(t, "node01", "rm -f /etc/sudoers.d/alice /etc/sudoers.d/tty")
	on(t, s.Lab, "node01", "echo 'alice ALL=(ALL:ALL) NOPASSWD: /usr/bin/true' >/etc/sudoers.d/alice; echo 'alice:secret' | chpasswd")
	s.write(t, "wrong", "secret\n")
	s.only(t, "user = \"alice\"\nbecome_password = secret.sudo")
	s.write(t, "inventory.hcl", readText(t, s.dir, "inventory.hcl")+strings.Replace(more, "%s", filepath.Join(s.dir, "wrong"), 1))
	s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, []string{"sudo: this user may not use sudo", "sudoers"}})
	on(t, s.Lab, "node01", "rm /etc/sudoers.d/alice; echo 'Defaults:admin requiretty' >/etc/sudoers.d/tty")
	everywhere(t, s.Lab, forgetFaults)
	s.inventory(t, "admin", "", "")
	r = s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, []string{"sudo: sudo wants a terminal", "!requiretty"}})
	on(t, s.Lab, "node01", "rm /etc/sudoers.d/tty")
	s.mended(t, r)
}

// noisyLogin: what a login prints before the agent speaks is passed over; a login
// that never comes to run it is told as what it is.
func noisyLogin(t *testing.T, s *site) {
	s.faulty(t, "file", marker)
	s.undo(t, "node01", "cp -p /root/bashrc /home/admin/.bashrc; usermod -s /bin/bash admin; mount -o remount,exec /tmp; "+forgetSshd)
	// A bare node, one session at a time, no programs in /tmp: none of it is in the way.
	on(t, s.Lab, "node01", "cp -p /home/admin/.bashrc /root/bashrc; mount -o remount,noexec /tmp; rm -rf /var/lib/muster; "+
		"echo 'MaxSessions 1' >/etc/ssh/sshd_config.d/fault.conf && systemctl restart ssh")
	s.run(t, "ping").want(t, 0)
	const polite = `echo "Welcome to node01, $(date)"; echo "unreadable" >&2; printf "\033[31m\r\000no newline"`
	rc := func(first string) {
		on(t, s.Lab, "node01", "(echo '"+first+"'; cat /root/bashrc) >/home/admin/.bashrc")
	}
	rc(polite)
	everywhere(t, s.Lab, forgetFaults)
	s.apply(t, 0, "play.hcl")
	if !has(t, s.Lab, "node01", "/root/fault.more") {
		t.Error("the noise of the login has held the run up")
	}
	for _, c := range []struct{ first, more, says, hint string }{
		{"exit 0", "", "the start command ended with exit status 0", "~/.bashrc"},
		{"yes", "", "no start of frames within 65536 bytes", "~/.bashrc"},
		{polite, "rm -rf /var/lib/muster", "upload: sftp", "silent without a terminal"}, // SFTP cannot pass it over
		{"", "usermod -s /usr/sbin/nologin admin", "This account is currently not available", "getent passwd"},
	} {
		everywhere(t, s.Lab, forgetFaults)
		rc(c.first)
		on(t, s.Lab, "node01", "true; "+c.more)
		r := s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, []string{c.says, c.hint}})
		rc("")
		on(t, s.Lab, "node01", "usermod -s /bin/bash admin")
		s.mended(t, r)
	}
}
