package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// workloadScript prints all that the workload decides on a node. The numbers of the
// users' own groups follow the order in which they were made.
const workloadScript = `set -e
if [ -e /srv/workload ]; then
	find /srv/workload -printf '%p %y %m %u:%g %l\n' | sort
	find /srv/workload -type f -exec sha256sum {} + | sort -k2
fi
find /home /etc/systemd/system -not -path '*/.cache*' -not -name .sudo_as_admin_successful -printf '%p %y %m %u:%g %l\n' | sort
sed -E 's/^(worker[0-9]:x:[0-9]+):[0-9]+:/\1:own:/' /etc/passwd | sort
sed -E 's/^(worker[0-9]:x):[0-9]+:/\1:own:/' /etc/group | sort
cut -d: -f1,2 /etc/shadow | sort
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n'
for u in cron ssh; do echo "$u $(systemctl is-active $u) $(systemctl is-enabled $u 2>/dev/null)"; done
` + leftScript

// leftScript prints what no run may leave behind, and nothingLeft is how it looks
// when there is nothing.
const (
	leftScript = `echo unfinished:; dpkg --audit
echo failed:; systemctl list-units --failed --plain --no-legend
echo temporary:; find / -xdev -name '*.muster~*'; find /etc -maxdepth 1 -name '*.lock' -not -name .pwd.lock
`
	nothingLeft = "unfinished:\nfailed:\ntemporary:\n"
)

// states runs the soak's look on every node.
func (s *soak) states(t *testing.T) map[string]string {
	t.Helper()
	var mu sync.Mutex
	out := map[string]string{}
	each(s.Lab, func(node string) {
		var b bytes.Buffer
		err := s.ExecIO(t.Context(), node, strings.NewReader(s.look), &b, "sh", "-s")
		if err != nil {
			t.Errorf("%s: its state: %v\n%s", node, err, tail(b.String(), 2000))
		}
		mu.Lock()
		defer mu.Unlock()
		out[node] = b.String()
	})
	return out
}

// each does something with all nodes at once.
func each(l *lab.Lab, f func(node string)) {
	var wg sync.WaitGroup
	for _, n := range l.Nodes {
		wg.Go(func() { f(n.Name) })
	}
	wg.Wait()
}

// atTheEnd fails unless every node is as the first unbroken run has left it.
func (s *soak) atTheEnd(t *testing.T) {
	t.Helper()
	now := s.states(t)
	if s.end == nil {
		s.end = now
	}
	sameStates(t, "not as an unbroken run leaves it", s.end, now)
	for node, text := range now {
		if !strings.HasSuffix(text, nothingLeft) {
			t.Errorf("%s: something is left:\n%s", node, text[strings.LastIndex(text, "unfinished:"):])
		}
	}
}

func sameStates(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for node := range want {
		if diff := cmp.Diff(strings.Split(want[node], "\n"), strings.Split(got[node], "\n")); diff != "" {
			t.Errorf("%s: %s:\n%s", node, what, tail(diff, 4000))
		}
	}
}

// noneOf waits until none of these agents, or with nil no agent at all, lives in the
// containers. The deadline is checked after a look: a look that comes late counts.
func noneOf(t *testing.T, containers []string, these []int, deadline time.Time) {
	t.Helper()
	for {
		agents, _ := musterProcesses(containers)
		alive := slices.DeleteFunc(agents, func(pid int) bool { return these != nil && !slices.Contains(these, pid) })
		if len(alive) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("agents live a minute after their controller's end: %v", alive)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// follow goes on after the kill. A run that was not approved has written nothing,
// and there is nothing to resume; every other one is complete at the end. Where the
// agents have ended no node may be locked, not even for a moment.
func (s *soak) follow(t *testing.T, b *blow, before map[string]string) {
	t.Helper()
	approved := s.approved(t)
	if approved {
		s.meet(b, "after the approval")
	} else {
		s.meet(b, "before the approval")
		sameStates(t, "written before the approval", before, s.states(t))
	}
	more := []string{"--yes", "--json"}
	if b.atOnce {
		more = append(more, "--lock-timeout", "60s")
	}
	if b.resume && !approved {
		s.run(t, append(more, "resume")...).want(t, 1)
	}
	from, verb := time.Now(), []string{"apply", s.playbook}
	if b.resume && approved {
		verb = []string{"resume"}
	}
	s.meet(b, verb[0])
	r := s.run(t, append(verb, more...)...)
	b.say("exit %d after %s", r.exit, time.Since(from).Round(time.Millisecond))
	r.want(t, 0)
}

// packageManagersLived fails if an installation that muster started since a time was
// killed, or ended otherwise than well.
func packageManagersLived(t *testing.T, l *lab.Lab, node string, since time.Time) {
	t.Helper()
	bad := on(t, l, node, fmt.Sprintf(`journalctl -q -o cat -b --since @%d _PID=1 | grep -E 'muster-[^ ]*\.service: (Main process exited|Control process exited|Failed with|Killing|Sent signal|State .* timed out|.*code=killed)' || true
grep -hv '^success exited 0$' /var/lib/muster/runs/*/jobs/*.exit 2>/dev/null || true
[ ! -e /var/log/apt/history.log ] || awk '/^Start-Date/{n++} /^End-Date/{n--} /^Error/{print} END{if (n) print n " not ended"}' /var/log/apt/history.log`, since.Unix()))
	if bad != "" {
		t.Errorf("%s: a package manager did not end well:\n%s", node, bad)
	}
}

// forgetRuns removes the journals of earlier runs, so that there is one to resume.
func (s *soak) forgetRuns(t *testing.T) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(s.dir, ".muster", "*", "runs"))
	for _, f := range folders {
		err = errors.Join(err, os.RemoveAll(f))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// approved says whether the killed run's journal knows of an approval.
func (s *soak) approved(t *testing.T) bool {
	t.Helper()
	journals, err := filepath.Glob(filepath.Join(s.dir, ".muster", "*", "runs", "*", "journal.jsonl"))
	if err != nil || len(journals) > 1 {
		t.Fatalf("one journal was expected: %v %v", journals, err)
	}
	for _, path := range journals {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range readEvents(string(text)) {
			if e.Kind == event.Approved {
				return true
			}
		}
	}
	return false
}
