package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	bootTime = 2 * time.Minute        // for a node to boot; seen: 3 s alone, 8 s with ten
	pollTime = 200 * time.Millisecond // between two looks at a booting node
)

// volumePaths get volumes: Docker's own store may be a file system that containers
// nested in a node cannot use.
var volumePaths = []string{"/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd"}

// startNode runs one container. Which flags make systemd, slurmd and kubelet work
// in it was found by trial; see image/init and image/boot for the rest.
func (l *Lab) startNode(ctx context.Context, node Node, found daemon, cache string) error {
	args := []string{"run", "--detach",
		"--name", containerName(l.Name, node.Name), "--hostname", node.Name,
		"--network", objectName(l.Name), "--ip", node.Address,
		"--label", labelOf(l.Name), "--label", labelNode + "=" + node.Name,
		"--label", labelIP + "=" + node.Address, "--label", labelImage + "=" + node.Image,
		"--label", labelGroups + "=" + strings.Join(node.Groups, ","),
		// A full --privileged fails where the daemon itself lacks CAP_SYS_RESOURCE.
		"--cgroupns", "private", "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
		"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--device-cgroup-rule", "a *:* rwm",
		"--tmpfs", "/run", "--tmpfs", "/run/lock", "--env", "container=docker",
		"--restart", "always", // a reboot inside ends the container: this starts it again
		"--stop-signal", "SIGRTMIN+3", // systemd's word for a clean halt
		"--volume", cache + ":/var/cache/lab-apt:ro",
	}
	for _, path := range volumePaths {
		args = append(args, "--mount", "type=volume,dst="+path+",volume-label="+labelOf(l.Name))
	}
	args = append(args, node.Image, "/usr/lib/lab-node/init")
	if found.CgroupVersion == "1" {
		args = append(args, "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1") // systemd 256 and later refuse v1 otherwise
	}
	_, err := docker(ctx, args...)
	return err
}

// admitScript lets the lab in: its key for everyone, a password for pwadmin's sudo.
// Key and password come on stdin, so that neither is in a process list.
const admitScript = `set -eu
IFS= read -r key
IFS= read -r password
for user in root admin pwadmin alice; do
	home=$(getent passwd "$user" | cut -d: -f6)
	install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
	printf '%s\n' "$key" >"$home/.ssh/authorized_keys"
	chown "$user:$user" "$home/.ssh/authorized_keys"
done
printf 'pwadmin:%s\n' "$password" | chpasswd`

// admit waits until a new node has booted, opens it to the lab's key and sees that
// sshd answers the host.
func (l *Lab) admit(ctx context.Context, node Node, keys access) error {
	if err := l.WaitBooted(ctx, node.Name); err != nil {
		return err
	}
	in := strings.NewReader(keys.authorized + "\n" + keys.password + "\n")
	name := containerName(l.Name, node.Name)
	if err := dockerIO(ctx, in, io.Discard, "exec", "--interactive", name, "sh", "-c", admitScript); err != nil {
		return err
	}
	return waitBanner(ctx, node.Address)
}

// WaitBooted waits until systemd in a node says that it runs. A unit that failed
// ends the wait with its name.
func (l *Lab) WaitBooted(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	state := "no answer"
	err := poll(ctx, func() (bool, error) {
		out, err := l.Exec(ctx, name, "systemctl", "is-system-running")
		state = strings.TrimSpace(out)
		if state != "degraded" {
			return err == nil && state == "running", nil
		}
		failed, err := l.Exec(ctx, name, "systemctl", "--failed", "--plain", "--no-legend")
		return false, errors.Join(fmt.Errorf("boot: units failed: %s", strings.TrimSpace(failed)), err)
	})
	if err != nil {
		return fmt.Errorf("boot: %w (system: %s)", err, state)
	}
	return nil
}

// waitBanner waits for the first line of an SSH server, which a port that merely
// accepts connections does not send.
func waitBanner(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	err := poll(ctx, func() (bool, error) { return readBanner(ctx, address), nil })
	if err != nil {
		return fmt.Errorf("sshd at %s: no banner: %w", address, err)
	}
	return nil
}

func readBanner(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(address, "22"))
	if err != nil {
		return false
	}
	defer conn.Close()
	banner := make([]byte, 8)
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	_, err = io.ReadFull(conn, banner)
	return err == nil && string(banner) == "SSH-2.0-"
}

// poll calls look until it says true or fails, or ctx ends.
func poll(ctx context.Context, look func() (bool, error)) error {
	for {
		done, err := look()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollTime):
		}
	}
}
