package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// site is a folder with an inventory of a lab's nodes and with playbooks. Each
// scenario has its own, so that runs, secrets and facts do not mix.
type site struct {
	*lab.Lab
	dir string
}

// newSite makes a folder with an inventory that reaches every node as admin.
func newSite(t *testing.T, l *lab.Lab) *site {
	t.Helper()
	s := &site{l, t.TempDir()}
	s.inventory(t, "admin", "", "")
	return s
}

// inventory writes the site's inventory.hcl: a login user, more lines of the
// connection block, and more blocks.
func (s *site) inventory(t *testing.T, user, connection, more string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "cluster \"site\" {}\nconnection {\nuser = %q\nbecome = true\nidentity = %q\nknown_hosts = %q\n%s\n}\n",
		user, filepath.Join(s.Dir, lab.FileKey), filepath.Join(s.Dir, lab.FileKnownHosts), connection)
	for _, n := range s.Nodes {
		fmt.Fprintf(&b, "host %q {\naddress = %q\ngroups = [\"web\"]\n}\n", n.Name, n.Address)
	}
	s.write(t, "inventory.hcl", b.String()+more)
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	write(t, filepath.Join(s.dir, name), text)
}

// run is muster in the site's folder.
func (s *site) run(t *testing.T, args ...string) result {
	t.Helper()
	return muster(t, s.dir, args...)
}

// apply applies a playbook and wants the exit code.
func (s *site) apply(t *testing.T, exit int, args ...string) result {
	t.Helper()
	return s.run(t, append([]string{"apply", "--yes", "--json"}, args...)...).want(t, exit)
}

// address of a node.
func (s *site) address(name string) string {
	n, _ := s.Node(name)
	return n.Address
}

// process is a muster that runs while the test goes on.
type process struct {
	cmd      *exec.Cmd
	out, err output
	done     chan struct{}
}

// output is a buffer that is read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts muster in dir with env added; the test's end ends it.
func start(t *testing.T, dir, stdin string, env []string, args ...string) *process {
	t.Helper()
	return launch(t, dir, stdin, env, append([]string{binary}, args...)...)
}

// launch starts a program that ends by starting muster.
func launch(t *testing.T, dir, stdin string, env []string, argv ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = dir, strings.NewReader(stdin), &p.out, &p.err
	p.cmd.Env = append(append(os.Environ(), "HOME="+dir, "NO_COLOR=1"), env...)
	forgetMemory(t)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is read from the process state
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// forgetMemory has the kernel forget how much memory this process had: a new process
// begins with what its parent had at most, and would be blamed for it.
func forgetMemory(t *testing.T) {
	t.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

func (s *site) start(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, s.dir, "", nil, args...)
}

// until waits for an event.
func (p *process) until(t *testing.T, what string, f func(event.Event) bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, e := range readEvents(p.out.String()) {
			if f(e) {
				return
			}
		}
		select {
		case <-p.done:
			t.Fatalf("muster ended before %s:\n%s\n%s", what, tail(p.out.String(), 3000), tail(p.err.String(), 3000))
		default:
		}
	}
	t.Fatalf("%s: not within a minute:\n%s", what, tail(p.out.String(), 3000))
}

// started waits until a step runs on a host.
func (p *process) started(t *testing.T, vertex string) {
	t.Helper()
	p.until(t, vertex+" starts", func(e event.Event) bool { return e.Kind == event.StepStart && e.Name() == vertex })
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// wait waits for the end.
func (p *process) wait(t *testing.T, limit time.Duration) result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatalf("muster still runs after %s:\n%s\n%s", limit, tail(p.out.String(), 3000), tail(p.err.String(), 3000))
	}
	return result{p.cmd.ProcessState.ExitCode(), p.out.String(), p.err.String(), readEvents(p.out.String())}
}

// says fails unless the run printed all the texts.
func (r result) says(t *testing.T, texts ...string) result {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("%q was not said:\n%s\n%s", text, tail(r.stdout, 4000), tail(r.stderr, 4000))
		}
	}
	return r
}

// ended is the state of every vertex that an apply told the end of.
func (r result) ended() map[string]event.State {
	out := map[string]event.State{}
	for _, e := range r.events {
		if e.Kind == event.StepResult {
			out[e.Name()] = e.State
		}
	}
	return out
}

// has says whether a path exists on a node.
func has(t *testing.T, l *lab.Lab, node, path string) bool {
	t.Helper()
	return on(t, l, node, "test -e "+path+" && echo yes || echo no") == "yes"
}

// everywhere runs a shell command in all nodes of a lab.
func everywhere(t *testing.T, l *lab.Lab, script string) {
	t.Helper()
	for _, n := range l.Nodes {
		on(t, l, n.Name, script)
	}
}
