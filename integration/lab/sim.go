package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"muster/integration/lab/sim"
)

// Files of a simulated lab beside those of every lab.
const (
	simPID    = "sim.pid"    // of the process that its nodes live in, locked by it
	simLog    = "sim.log"    // what that process printed
	simAgents = "sim-agents" // folder: what the agents keep during a run
)

// simTime bounds the start and the end of a simulated lab; 5,000 nodes take about a second.
const simTime = time.Minute

// SimOptions say what lab UpSim makes.
type SimOptions struct {
	Name  string
	Dir   string // as in Options
	Nodes int    // the first is slurm_controller, the others are slurm_node
	Log   func(line string)
	// Evil are nodes that are no agents (see sim.Evil), by name.
	Evil map[string]sim.Evil
}

// SimStatus is how a simulated lab is.
type SimStatus struct {
	Name  string `json:"name"`
	PID   int    `json:"pid"`
	Nodes int    `json:"nodes"`
	// Running is false for a lab whose process has ended; its nodes are gone then.
	Running bool `json:"-"`
}

func (o SimOptions) say(format string, args ...any) {
	if o.Log != nil {
		o.Log(fmt.Sprintf(format, args...))
	}
}

func (o SimOptions) check() (dir string, err error) {
	if o.Nodes < 2 || o.Nodes > sim.MaxNodes {
		return "", fmt.Errorf("lab of %d nodes: a simulated one has 2 to %d", o.Nodes, sim.MaxNodes)
	}
	if err := checkName(o.Name); err != nil {
		return "", err
	}
	return folder(o.Name, o.Dir)
}

// UpSim starts a lab of simulated nodes and returns its inventory's path. server is
// a command that calls ServeSim with the same name, absolute folder and number of
// nodes; it is left running in the background. A lab that runs already with as many
// nodes is used as it is.
func UpSim(ctx context.Context, o SimOptions, server *exec.Cmd) (inventory string, err error) {
	dir, err := o.check()
	if err != nil {
		return "", err
	}
	release, err := lockLab(o.Name)
	if err != nil {
		return "", err
	}
	defer release()
	inventory = filepath.Join(dir, FileInventory)
	status, err := StatusSim(o.Name, dir)
	switch {
	case err == nil && status.Running && status.Nodes == o.Nodes:
		o.say("lab %s is up already with these nodes and is used as it is", o.Name)
		return inventory, nil
	case err == nil && status.Running:
		return "", fmt.Errorf("lab %s: exists already, with %d simulated nodes: remove it with `muster lab down --name %s`", o.Name, status.Nodes, o.Name)
	case err != nil && !errors.Is(err, ErrNoLab):
		return "", err
	}
	if _, found := os.Stat(inventory); found == nil && errors.Is(err, ErrNoLab) {
		return "", fmt.Errorf("lab %s: %s is there already, and not a simulated lab's: give another name or folder", o.Name, inventory)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), removed(inventory)); err != nil {
		return "", err
	}
	started := time.Now()
	if err := launch(ctx, dir, server); err != nil {
		undone := removeSim(o.Name, dir)
		if errors.Is(ctx.Err(), context.Canceled) && undone == nil {
			return "", interrupted("what was made is removed")
		}
		return "", errors.Join(fmt.Errorf("lab %s: %w", o.Name, err), undone)
	}
	o.say("%s simulated, up after %.1f s: %s", countNodes(o.Nodes), time.Since(started).Seconds(), inventory)
	return inventory, nil
}

// removed removes a file that may not be there.
func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// launch starts the server in a session of its own and waits for its inventory.
func launch(ctx context.Context, dir string, server *exec.Cmd) error {
	log, err := os.Create(filepath.Join(dir, simLog))
	if err != nil {
		return err
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return err
	}
	ended, gone := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- server.Wait()
		close(gone)
	}()
	ctx, cancel := context.WithTimeout(ctx, simTime)
	defer cancel()
	err = poll(ctx, func() (bool, error) {
		select {
		case err := <-ended:
			return false, errors.Join(errors.New("its process has ended"), err)
		default:
		}
		_, err := os.Stat(filepath.Join(dir, FileInventory))
		return err == nil, nil
	})
	if err == nil {
		return nil
	}
	_ = server.Process.Kill()
	<-gone
	text, _ := os.ReadFile(log.Name())
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
}

// ServeSim is the process that a simulated lab's nodes live in. It returns nil when
// ctx ends; their state is gone then.
func ServeSim(ctx context.Context, o SimOptions) error {
	dir, err := o.check()
	if err != nil {
		return err
	}
	pid, err := os.OpenFile(filepath.Join(dir, simPID), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer pid.Close()
	err = poll(ctx, func() (bool, error) { return syscall.Flock(int(pid.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil, nil })
	if err != nil {
		return fmt.Errorf("lab %s: another process serves it: %w", o.Name, err)
	}
	text, err := json.Marshal(SimStatus{Name: o.Name, PID: os.Getpid(), Nodes: o.Nodes})
	if err != nil {
		return err
	}
	if err := pid.Truncate(0); err != nil {
		return err
	}
	if _, err := pid.WriteAt(text, 0); err != nil {
		return err
	}
	fleet, err := StartFleet(o)
	if err != nil {
		return err
	}
	defer fleet.Close()
	<-ctx.Done()
	return nil
}

// StatusSim says how the simulated lab in a folder is, dir or the default one;
// ErrNoLab if there is none.
func StatusSim(name, dir string) (SimStatus, error) {
	var status SimStatus
	dir, err := folder(name, dir)
	if err := errors.Join(checkName(name), err); err != nil {
		return status, err
	}
	file, err := os.Open(filepath.Join(dir, simPID))
	if errors.Is(err, os.ErrNotExist) {
		return status, fmt.Errorf("lab %s: %w", name, ErrNoLab)
	}
	if err != nil {
		return status, err
	}
	defer file.Close()
	// Its process holds the lock as long as it lives, so that no other is taken for it.
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if status.Running = errors.Is(err, syscall.EWOULDBLOCK); !status.Running {
		return status, err
	}
	if err := json.NewDecoder(file).Decode(&status); err != nil {
		return status, fmt.Errorf("lab %s: %s: %w", name, simPID, err)
	}
	if status.PID <= 1 { // to a signal, these mean more than one process, or the first
		return status, fmt.Errorf("lab %s: %s: %d is no process of a lab", name, simPID, status.PID)
	}
	if status.Name != name {
		return status, fmt.Errorf("lab %s: %s is the folder of the lab %s, which runs", name, dir, status.Name)
	}
	return status, nil
}

// DownSim ends a simulated lab and removes its files; ErrNoLab if there is none.
func DownSim(ctx context.Context, name, dir string, log func(string)) error {
	status, err := StatusSim(name, dir)
	if err != nil {
		return err
	}
	dir, err = folder(name, dir)
	if err != nil {
		return err
	}
	release, err := lockLab(name)
	if err != nil {
		return err
	}
	defer release()
	if status.Running {
		if err := syscall.Kill(status.PID, syscall.SIGTERM); err != nil {
			return fmt.Errorf("lab %s: process %d: %w", name, status.PID, err)
		}
		ctx, cancel := context.WithTimeout(ctx, simTime)
		defer cancel()
		err := poll(ctx, func() (bool, error) {
			now, err := StatusSim(name, dir)
			return !now.Running, err
		})
		if err != nil {
			return fmt.Errorf("lab %s: process %d does not end: %w", name, status.PID, err)
		}
	}
	if err := removeSim(name, dir); err != nil {
		return err
	}
	SimOptions{Log: log}.say("lab %s is removed", name)
	return nil
}

// removeSim removes what a simulated lab has on disk.
func removeSim(name, dir string) error {
	return errors.Join(os.RemoveAll(filepath.Join(dir, simAgents)), removed(filepath.Join(dir, simLog)),
		removed(filepath.Join(dir, simPID)), removeFiles(name, dir))
}
