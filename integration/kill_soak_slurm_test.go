package integration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// slurmScript prints what slurm-cluster decides on a node: every file that no daemon
// and no package manager writes for itself, the settings without what differs from
// lab to lab, packages, accounts, services, the cluster as SLURM knows it.
const slurmScript = `set -e
skip='-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/backups -o -path /home/*/.cache -o -path /root/.cache'
for d in muster mysql slurm systemd apt dpkg munge pam ucf; do skip="$skip -o -path /var/lib/$d"; done
find / -xdev \( $skip \) -prune -o -not -name .sudo_as_admin_successful -printf '%p %y %m %u:%g %l\n' | sort
for f in $(find /etc/slurm /etc/mysql /etc/munge /etc/default -type f -not -name munge.key 2>/dev/null | sort); do
	echo "== $f"; sed -E 's/10\.213\.[0-9]+/NET/g; s/^(StoragePass)=.*/\1=/' $f
done
cut -d: -f1,3- /etc/passwd | sort; sort /etc/group
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n'
for u in munge mariadb slurmdbd slurmctld slurmd; do echo "$u $(systemctl is-active $u) $(systemctl is-enabled $u 2>/dev/null)"; done
[ ! -e /usr/bin/sacctmgr ] || ! systemctl -q is-active slurmdbd || sacctmgr -nP show assoc format=cluster,account,user,partition,share
` + leftScript

// TestKilledSlurm kills the first apply of slurm-cluster on nodes as they come.
// MUSTER_SOAK_SLURM_KILLS says how often; MUSTER_SOAK_SEED and MUSTER_SOAK_ONLY
// repeat a series or one kill of it.
func TestKilledSlurm(t *testing.T) {
	long(t)
	kills, only := int(setting(t, "MUSTER_SOAK_SLURM_KILLS", 3)), int(setting(t, "MUSTER_SOAK_ONLY", 0))
	all := &soak{seed: seedOf(t), tally: &tally{met: map[string]int{}}}
	t.Run("unbroken", func(t *testing.T) {
		s := all.freshCluster(t)
		all.heavy = s.unbroken(t)
		all.end = s.end
		useCluster(t, s.Lab, 1)
		t.Logf("unbroken run: %s, %d events", all.heavy.time.Round(time.Millisecond), all.heavy.events)
	})
	first, landed, number := max(1, only), 0, 0
	for number = first; landed < kills && !t.Failed() && (only == 0 || number == only); number++ {
		if number > 2*kills+10 {
			t.Fatalf("only %d of %d kills came before the end of their run", landed, number-1)
		}
		t.Run(fmt.Sprintf("kill %d", number), func(t *testing.T) {
			s := all.freshCluster(t)
			if s.strike(t, all.drawSlurm(number)) {
				landed++
			}
			useCluster(t, s.Lab, 1)
		})
	}
	all.report(t, landed, number-first)
}

// freshCluster is a soak on new nodes, with what the others have found out.
func (s *soak) freshCluster(t *testing.T) *soak {
	t.Helper()
	l := up(t, "soakslurm", "ctl01:slurm_controller", "node01:slurm_node")
	fresh := *s
	fresh.site, fresh.playbook, fresh.look = &site{l, l.Dir}, "slurm-cluster", slurmScript
	fresh.containers = (&cluster{Lab: l}).containers(t)
	return &fresh
}

// drawSlurm draws a kill. The moments of a series are spread over the whole run by
// steps of the golden ratio, however many there are; every third goes by events.
func (s *soak) drawSlurm(number int) *blow {
	r := rand.New(rand.NewPCG(s.seed, uint64(number)))
	b := &blow{number: number, resume: (number+int(s.seed))%2 == 0, atOnce: r.IntN(2) == 0}
	_, part := math.Modf(float64(s.seed%1000)/1000 + float64(number)*0.6180339887)
	if number%3 == 0 {
		b.when = moment{events: 1 + r.IntN(s.heavy.events), delay: time.Duration(r.IntN(200)) * time.Millisecond}
	} else {
		b.when = moment{after: time.Duration(part * float64(s.heavy.time))}
	}
	return b
}
