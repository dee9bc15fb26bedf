package integration

import (
	"sync"
	"testing"

	"muster/playbooks/event"
)

// bigFile is a file of 100 kB: it does not fit into what diskFull leaves.
const bigFile = `
  path    = "/srv/fault/conf"
  content = join("", [for i in range(1000) : "${i} 6789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345\n"])`

// small mounts a file system of its own on a folder of a node, with a file in it.
func (s *site) small(t *testing.T, node, options string) {
	t.Helper()
	everywhere(t, s.Lab, "rm -rf /srv/fault; mkdir /srv/fault")
	s.undo(t, node, "umount /srv/fault")
	on(t, s.Lab, node, "mount -t tmpfs -o size=64k tmpfs /srv/fault && echo old >/srv/fault/conf && mount -o remount,"+options+" /srv/fault")
}

// untouched fails unless the node's file system has the old file and nothing else.
func (s *site) untouched(t *testing.T, node string) {
	t.Helper()
	if got := on(t, s.Lab, node, "ls -A /srv/fault; cat /srv/fault/conf"); got != "conf\nold" {
		t.Errorf("after the failure: %q; the old file alone was expected", got)
	}
}

// diskFull: the file that does not fit leaves the old one and nothing beside it.
func diskFull(t *testing.T, s *site) {
	s.unwritable(t, "rw", "size=1m", "no space left on device", "df -h /srv/fault")
}

// readOnly: the same on a file system that the kernel has made read-only.
func readOnly(t *testing.T, s *site) {
	s.unwritable(t, "ro,size=1m", "rw", "read-only file system", "dmesg")
}

// unwritable applies to a file system that was mounted with options and is mended by
// others, and wants the cause and the hint.
func (s *site) unwritable(t *testing.T, options, mend, cause, hint string) {
	t.Helper()
	s.small(t, "node01", options)
	s.faulty(t, "file", bigFile)
	r := s.hits(t, s.apply(t, 3, "play.hcl"), hit{"node01", 3, event.Failed,
		[]string{"file[/srv/fault/conf]", cause, "mounted on /srv/fault", hint}})
	s.untouched(t, "node01")
	on(t, s.Lab, "node01", "mount -o remount,"+mend+" /srv/fault")
	s.mended(t, r)
}

// marker is the work of faults that hit before any step.
const marker = `
  path    = "/root/fault.work"
  content = "done\n"`

// ownFolder: muster's own folder on the node, or the login's home, cannot be written
// or cannot hold a program.
func ownFolder(t *testing.T, s *site) {
	s.faulty(t, "file", marker)
	s.run(t, "ping").want(t, 0) // the agents are there
	over := func(options string) string {
		return "cp -a /var/lib/muster /root/fault.own && mount -t tmpfs -o size=12m tmpfs /var/lib/muster && cp -a /root/fault.own/. /var/lib/muster && " +
			"mount -o remount," + options + " /var/lib/muster"
	}
	for _, c := range []struct {
		name, broken, mend string
		says               []string
	}{
		{"Full", over("rw") + " && { head -c 20000000 /dev/zero >/var/lib/muster/fill 2>/dev/null; true; }", "umount /var/lib/muster",
			[]string{"/var/lib/muster/holders", "no space left on device", "df -h"}},
		{"ReadOnly", over("ro"), "umount /var/lib/muster", []string{"/var/lib/muster", "read-only file system", "dmesg"}},
		{"FullBeforeInstall", "mount -t tmpfs -o size=4m tmpfs /var/lib/muster", "umount /var/lib/muster",
			[]string{"cannot install /var/lib/muster/agent", "No space left on device", "df -h"}},
		{"NoExec", "mount -t tmpfs -o noexec,size=32m tmpfs /var/lib/muster", "umount /var/lib/muster",
			[]string{"cannot be executed", "/var/lib/muster on a file system mounted with noexec"}},
		{"HomeFull", "mv /var/lib/muster /var/lib/muster.away && install -d -o admin /home/admin/.cache && mount -t tmpfs -o size=1m,uid=1000 tmpfs /home/admin/.cache",
			"umount /home/admin/.cache; rm -rf /var/lib/muster; mv /var/lib/muster.away /var/lib/muster",
			[]string{"upload", "/home/admin/.cache/muster", "df -h ~"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			everywhere(t, s.Lab, forgetFaults)
			on(t, s.Lab, "node01", "rm -rf /home/admin/.cache/muster; "+c.broken)
			mend := sync.OnceFunc(func() { on(t, s.Lab, "node01", c.mend) })
			defer mend()
			r := s.hits(t, s.apply(t, 4, "play.hcl"), hit{"node01", 4, event.Unreachable, c.says})
			if got := on(t, s.Lab, "node01", "find /home/admin/.cache/muster /var/lib/muster/agent -type f -newermt -60sec -size -100000 2>/dev/null | grep -c . || true"); c.name == "FullBeforeInstall" && got != "0" {
				t.Errorf("%s files are left of an agent that could not be installed", got)
			}
			if got := on(t, s.Lab, "node01", "find /var/lib/muster/holders -size 0 2>/dev/null | grep -c . || true"); got != "0" {
				t.Errorf("%s empty notes are left beside the lock", got)
			}
			mend()
			s.mended(t, r)
		})
	}
}
