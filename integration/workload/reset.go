package workload

import (
	"fmt"
	"strings"
)

// brought are the packages that those of the workload bring along in Debian 13.
var brought = []string{"cron-daemon-common", "libpopt0"}

// Cached is a script for sh, run as root: it fetches the packages of the workload
// into apt's cache and installs none, so that no tool waits for a mirror that another
// one has warmed.
func Cached() string {
	return "set -eu\nexport DEBIAN_FRONTEND=noninteractive\napt-get update -qq\n" +
		"apt-get install -qq --no-install-recommends --download-only " + strings.Join(packages, " ") + "\n"
}

// Reset is a script for sh, run as root: it takes the workload from a node, and with it
// what muster and Ansible have left of themselves, so that the next apply is a first
// one. It fails if any of it is still there.
func Reset() string {
	var b strings.Builder
	all := strings.Join(append(append([]string{}, packages...), brought...), " ")
	fmt.Fprintf(&b, "set -eu\nexport DEBIAN_FRONTEND=noninteractive\n"+
		"have() { dpkg-query -W -f '${Package} ${db:Status-Status}\\n' %[1]s 2>/dev/null || true; }\n"+
		"[ -z \"$(have)\" ] || apt-get purge -qq %[1]s >/dev/null\n", all)
	fmt.Fprintf(&b, "rm -rf %s /var/lib/muster /home/*/.cache/muster /root/.ansible /home/*/.ansible\n", Root)
	for _, u := range users() {
		fmt.Fprintf(&b, "! id %[1]s >/dev/null 2>&1 || userdel -r %[1]s 2>/dev/null\n"+
			"! id %[1]s >/dev/null 2>&1 || { echo 'user %[1]s is still there' >&2; exit 1; }\n", u.name)
	}
	b.WriteString("[ -z \"$(have | grep -v not-installed)\" ] || { echo \"packages are still there: $(have)\" >&2; exit 1; }\n")
	fmt.Fprintf(&b, "[ ! -e %[1]s ] || { echo '%[1]s is still there' >&2; exit 1; }\n", Root)
	return b.String()
}

// Look is a script for sh, run as root, that prints all that the workload is about:
// content, owners and modes of the files, users, packages, services. With times it
// also prints when each was last written or started, so that two looks are alike only
// if nothing was done between them.
func Look(times bool) string {
	stat, service := "%n %F %a %U:%G", "UnitFileState,ActiveState"
	if times {
		stat, service = stat+" %y %i", service+",InvocationID"
	}
	var names []string
	for _, u := range users() {
		names = append(names, u.name)
	}
	return fmt.Sprintf(`set -eu
find %[1]s | sort | xargs stat -c '%[2]s'
find %[1]s -type f | sort | xargs sha256sum
for u in %[3]s; do getent passwd $u | cut -d: -f1,3,4,6,7; id -Gn $u; stat -c '%[2]s' /home/$u; done
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' %[4]s
for s in %[5]s; do systemctl show -p Id,%[6]s $s; done
`, Root, stat, strings.Join(names, " "), strings.Join(append(append([]string{}, packages...), brought...), " "),
		strings.Join(services, " "), service)
}
