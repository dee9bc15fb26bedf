package lab

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// bootIDFile is where Linux tells one boot from another.
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// Exec runs a command as root in a node, past SSH, and returns its standard output
// as it came; an exit status other than 0 is an error with the last line of stderr.
func (l *Lab) Exec(ctx context.Context, node string, argv ...string) (string, error) {
	var out strings.Builder
	err := l.ExecIO(ctx, node, nil, &out, argv...)
	return out.String(), err
}

// ExecIO is Exec with standard input and output given; in may be nil.
func (l *Lab) ExecIO(ctx context.Context, node string, in io.Reader, out io.Writer, argv ...string) error {
	args := []string{"exec"}
	if in != nil {
		args = append(args, "--interactive")
	}
	args = append(append(args, containerName(l.Name, node)), argv...)
	return dockerIO(ctx, in, out, args...)
}

// Stop halts a node cleanly; it stays down until Start.
func (l *Lab) Stop(ctx context.Context, node string) error {
	return l.act(ctx, node, "stop", "--time", "20")
}

// Kill takes a node's power away; it stays down until Start.
func (l *Lab) Kill(ctx context.Context, node string) error { return l.act(ctx, node, "kill") }

// Start boots a stopped node and waits until it is in service again.
func (l *Lab) Start(ctx context.Context, node string) error {
	if err := l.act(ctx, node, "start"); err != nil {
		return err
	}
	return l.WaitReady(ctx, node)
}

// Restart is Stop and Start.
func (l *Lab) Restart(ctx context.Context, node string) error {
	if err := l.Stop(ctx, node); err != nil {
		return err
	}
	return l.Start(ctx, node)
}

// Reboot reboots a node from inside and waits until it is in service under a new
// boot id.
func (l *Lab) Reboot(ctx context.Context, node string) error {
	before, err := l.BootID(ctx, node)
	if err != nil {
		return err
	}
	// The answer is lost when the reboot is faster than docker exec.
	_, _ = l.Exec(ctx, node, "systemctl", "reboot")
	limited, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	err = poll(limited, func() (bool, error) {
		now, err := l.BootID(limited, node)
		return err == nil && now != "" && now != before, nil
	})
	if err != nil {
		return fmt.Errorf("node %s: reboot: %w", node, err)
	}
	return l.WaitReady(ctx, node)
}

// BootID reads which boot of the node this is.
func (l *Lab) BootID(ctx context.Context, node string) (string, error) {
	out, err := l.Exec(ctx, node, "cat", bootIDFile)
	return strings.TrimSpace(out), err
}

// WaitReady waits until a node has booted and its sshd answers the host.
func (l *Lab) WaitReady(ctx context.Context, name string) error {
	node, there := l.Node(name)
	if !there {
		return fmt.Errorf("node %s: lab %s has none of that name", name, l.Name)
	}
	if err := l.WaitBooted(ctx, name); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return waitBanner(ctx, node.Address)
}

// Pause freezes every process of a node: it answers nothing, and its connections
// stay open.
func (l *Lab) Pause(ctx context.Context, node string) error { return l.act(ctx, node, "pause") }

// Unpause ends Pause.
func (l *Lab) Unpause(ctx context.Context, node string) error { return l.act(ctx, node, "unpause") }

// Cut pulls a node's network cable.
func (l *Lab) Cut(ctx context.Context, node string) error {
	_, err := docker(ctx, "network", "disconnect", objectName(l.Name), containerName(l.Name, node))
	return err
}

// Rejoin plugs it in again, at the same address.
func (l *Lab) Rejoin(ctx context.Context, name string) error {
	node, there := l.Node(name)
	if !there {
		return fmt.Errorf("node %s: lab %s has none of that name", name, l.Name)
	}
	_, err := docker(ctx, "network", "connect", "--ip", node.Address, objectName(l.Name), containerName(l.Name, name))
	return err
}

func (l *Lab) act(ctx context.Context, node, verb string, flags ...string) error {
	args := append([]string{verb}, flags...)
	_, err := docker(ctx, append(args, containerName(l.Name, node))...)
	return err
}
