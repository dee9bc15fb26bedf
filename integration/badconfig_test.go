package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What a muster may take to refuse a configuration.
const (
	badMemory    = 200 // MiB
	badProcessor = time.Second
	badWall      = 30 * time.Second // the machine may have other work
)

// diagnostic is what is said of a place.
type diagnostic struct {
	place   string // file:line,column
	summary string
	words   string // of the detail
}

// trap is where the hosts of the bad configurations would be found; whoever connects
// is counted.
func trap(t *testing.T) (port int, touched *atomic.Int32) {
	t.Helper()
	touched = &atomic.Int32{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			touched.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-over
	})
	return l.Addr().(*net.TCPAddr).Port, touched
}

const badInventory = `cluster "bad" {}
host "node01" {
  address = "127.0.0.1"
  groups  = ["web"]
}
host "node02" {
  address = "localhost"
  groups  = ["web", "db"]
}
connection {
  user = "nobody"
  port = %d
}
secret "password" {
  generate = 24
}
`

// refused applies a bad configuration and returns what was said of it.
func refused(t *testing.T, playbook string, port int) (r result, found []diagnostic) {
	t.Helper()
	dir := t.TempDir()
	inventory := filepath.Join(dir, "inventory.hcl")
	write(t, inventory, fmt.Sprintf(badInventory, port))
	args := []string{"apply", "--yes", "-i", inventory, playbook}
	if strings.HasPrefix(filepath.Base(playbook), "inventory-") {
		play := filepath.Join(dir, "play.hcl")
		write(t, play, motd)
		args = []string{"apply", "--yes", "-i", playbook, play}
	}
	began := time.Now()
	p := start(t, dir, "", nil, args...)
	r = p.wait(t, badWall)
	usage := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	took := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	t.Logf("%s of processor time, %s by the clock, %d MiB", took, time.Since(began).Round(time.Millisecond), usage.Maxrss>>10)
	if r.exit != 1 {
		t.Errorf("exit %d, not 1:\n%s", r.exit, tail(r.stderr, 1000))
	}
	if usage.Maxrss>>10 > badMemory || took > badProcessor {
		t.Errorf("it took %d MiB and %s, at most %d and %s are allowed", usage.Maxrss>>10, took, badMemory, badProcessor)
	}
	if len(r.stderr) > 64<<10 || strings.Contains(r.stderr, "goroutine ") {
		t.Errorf("%d bytes of message:\n%s", len(r.stderr), tail(r.stderr, 1000))
	}
	return r, diagnosed(r.stderr)
}

// heading is the beginning of a diagnostic: its summary and its place.
var heading = regexp.MustCompile(`(?m)^(?:error|warning): (.*)\n  (\S+:\d+,\d+)$`)

// diagnosed reads what muster prints; words are all up to the next one.
func diagnosed(text string) (out []diagnostic) {
	at := heading.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out = append(out, diagnostic{filepath.Base(text[m[4]:m[5]]), text[m[2]:m[3]], text[m[1]:end]})
	}
	return out
}

// wanted reads the comments at the ends of lines: `# COLUMN Summary | words`, several
// of them joined by " & ".
var wanted = regexp.MustCompile(`^(\d+) ([^|]+) \| (.*)$`)

func wants(t *testing.T, file string) (out []diagnostic) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		_, comment, _ := strings.Cut(line, " # ")
		for one := range strings.SplitSeq(comment, " & ") {
			if m := wanted.FindStringSubmatch(one); m != nil {
				out = append(out, diagnostic{filepath.Base(file) + ":" + strconv.Itoa(i+1) + "," + m[1], m[2], m[3]})
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s says nothing of what is wrong in it", file)
	}
	return out
}

// compare matches what was said with what was to be said, one to one.
func compare(t *testing.T, found, want []diagnostic) {
	t.Helper()
	used := map[int]bool{}
	for _, w := range want {
		ok := false
		for i, f := range found {
			if !ok && !used[i] && f.place == w.place && f.summary == w.summary && strings.Contains(f.words, w.words) {
				ok, used[i] = true, true
			}
		}
		if !ok {
			t.Errorf("not said: %s: %s (%s)", w.place, w.summary, w.words)
		}
	}
	for i, f := range found {
		if !used[i] {
			t.Errorf("said as well: %s: %s: %s", f.place, f.summary, f.words)
		}
	}
}

// TestBadConfigurations applies every file of the corpus: exactly what its comments
// say is said, at that line and column, at little cost, and no host is connected to.
func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.hcl")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	port, touched := trap(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			path, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			_, found := refused(t, path, port)
			compare(t, found, wants(t, file))
		})
	}
	if n := touched.Load(); n > 0 {
		t.Errorf("a host was connected to %d times", n)
	}
	// The trap is one: a good playbook goes there.
	dir := t.TempDir()
	write(t, filepath.Join(dir, "inventory.hcl"), fmt.Sprintf(badInventory, port))
	write(t, filepath.Join(dir, "play.hcl"), motd)
	start(t, dir, "", nil, "apply", "--yes", "--host-key", "accept-new", "play.hcl")
	eventually(t, "a good playbook connects", time.Minute, func() bool { return touched.Load() > 0 })
}

// huge are configurations that are made here, because of their size.
var huge = map[string]struct {
	text string
	want diagnostic
}{
	"brackets":         {"locals {\n  a = " + times("[") + times("]") + "\n}\n", diagnostic{"play.hcl:2,106", "Nested too deeply", "may nest 100 deep"}},
	"parentheses":      {"locals {\n  a = " + times("(") + "1" + times(")") + "\n}\n", diagnostic{"play.hcl:2,106", "Nested too deeply", "may nest 100 deep"}},
	"calls":            {"locals {\n  a = " + times("upper(") + "\n}\n", diagnostic{"play.hcl:2,606", "Nested too deeply", "may nest 100 deep"}},
	"templates":        {"locals {\n  a = " + times(`"${`) + "\n}\n", diagnostic{"play.hcl:2,155", "Nested too deeply", "may nest 100 deep"}},
	"blocks":           {times("b {\n"), diagnostic{"play.hcl:101,3", "Nested too deeply", "may nest 100 deep"}},
	"nots":             {"locals {\n  a = " + times("!") + "true\n}\n", diagnostic{"play.hcl:2,107", "Expression too long", "At most 100 signs"}},
	"minuses":          {"locals {\n  a = " + times("-") + "1\n}\n", diagnostic{"play.hcl:2,107", "Expression too long", "At most 100 signs"}},
	"conditions":       {"locals {\n  a = " + times("true ? 1 : ") + "2\n}\n", diagnostic{"play.hcl:2,11012", "Expression too long", "1000 conditions"}},
	"sum":              {"locals {\n  a = 1" + times("+1") + "\n}\n", diagnostic{"play.hcl:2,20008", "Expression too long", "10000 operators"}},
	"indexes":          {"locals {\n  a = b" + times("[0]") + "\n}\n", diagnostic{"play.hcl:2,30008", "Expression too long", "10000 operators"}},
	"large file":       {"#" + strings.Repeat("x", 4<<20), diagnostic{"play.hcl:1,1", "File too large", "4194304"}},
	"cycle of 3,000":   {ring(3000), diagnostic{"play.hcl:5,12", "Cycle of steps", "and so on for 2980 more steps, back to file[s0]"}},
	"list of locals":   {locals("[local.l%d, local.l%d]", 20), diagnostic{"play.hcl:21,9", "Value too large", "16 MiB"}},
	"exponent":         {"locals {\n  a = \"${1e600000000}\"\n}\n", diagnostic{"play.hcl:2,10", "Number too large", "100"}},
	"not UTF-8":        {"locals {\n  a = \"\xff\xfe\"\n}\n", diagnostic{"play.hcl:2,8", "Invalid character encoding", "UTF-8"}},
	"terminal escapes": {"locals {\n  a = b\x1b[2J\u202e\n}\n", diagnostic{"play.hcl:2,8", "Invalid character", ""}},
}

func times(s string) string { return strings.Repeat(s, 80_000) }

// ring is a playbook of n steps, each of which waits for the next.
func ring(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "step \"file\" \"s%d\" {\n  on = \"all\"\n  path = \"/s%d\"\n  content = \"x\"\n  after = [step.file.s%d]\n}\n", i, i, (i+1)%n)
	}
	return b.String()
}

// locals is a chain of n locals, each made of the one before twice.
func locals(expression string, n int) string {
	var b strings.Builder
	b.WriteString("locals {\n  l0 = [1, 2, 3]\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  l%d = "+expression+"\n", i, i-1, i-1)
	}
	return b.String() + "}\n"
}

// TestHugeConfigurations: files that would end the process, or take all of the
// machine, are refused like others.
func TestHugeConfigurations(t *testing.T) {
	port, touched := trap(t)
	for name, c := range huge {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "play.hcl")
			write(t, path, c.text)
			r, found := refused(t, path, port)
			harmless(t, r)
			if len(found) == 0 || found[0].place != c.want.place || found[0].summary != c.want.summary || !strings.Contains(found[0].words, c.want.words) {
				t.Errorf("got %.300q, want %v", found, c.want)
			}
		})
	}
	if n := touched.Load(); n > 0 {
		t.Errorf("a host was connected to %d times", n)
	}
}
