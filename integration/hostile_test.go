package integration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/integration/lab"
	"muster/integration/lab/sim"
	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// hostility is what a node does in place of an agent's work, and what the run says
// of it.
type hostility struct {
	evil sim.Evil
	want string
}

// lies are facts that would be something else in a file, a shell or on a screen. The
// node is left out before anything of it is used.
var lies = map[string]hostility{
	"HCL in the host name":      {liar(func(f *machine.Facts) { f.Hostname = `${file("/etc/shadow")}` }), `facts: hostname: "${file(\"/etc/shadow\")}" is not allowed in it`},
	"shell in the kernel":       {liar(func(f *machine.Facts) { f.Kernel = "$(reboot)" }), `facts: kernel: "$(reboot)" is not allowed in it`},
	"escapes in the OS":         {liar(func(f *machine.Facts) { f.OS = nasty }), "facts: os:"},
	"a second name":             {liar(func(f *machine.Facts) { f.Hostname = "ctl01 mgmt" }), "facts: hostname:"},
	"a path as a name":          {liar(func(f *machine.Facts) { f.Hostname = "../../etc/passwd" }), "facts: hostname:"},
	"a line in the name":        {liar(func(f *machine.Facts) { f.Hostname = "n1\nNodeName=evil CPUs=999" }), "facts: hostname:"},
	"an option as architecture": {liar(func(f *machine.Facts) { f.Arch = "-oProxyCommand" }), "facts: arch:"},
	"negative CPUs":             {liar(func(f *machine.Facts) { f.CPUs = -1 }), "facts: cpus: -1 is not between 0 and 65536"},
	"a petabyte of memory":      {liar(func(f *machine.Facts) { f.MemoryMB = 1 << 30 }), "facts: memory_mb:"},
	"5,000 interfaces":          {liar(func(f *machine.Facts) { f.NICs = make([]machine.NIC, 5000) }), "facts: nics: 5000 entries"},
	"a link as disk":            {liar(func(f *machine.Facts) { f.Disks = []machine.Disk{{Name: "sda", Model: nasty}} }), "facts: disks.model:"},
	"a line in the CPU count":   {rawHello(map[string]any{"cpus": []byte("64\nNodeName=evil")}), "protocol violation: bad frame: type 1"},
	"a float as CPU count":      {rawHello(map[string]any{"cpus": 1e300}), "protocol violation: bad frame: type 1"},
	"facts of its own":          {rawHello(map[string]any{"partition": []byte("evil")}), "protocol violation: bad frame: type 1"},
}

// deeds are what nodes do on the wire, from the first byte to the end of a step.
var deeds = map[string]hostility{
	"noise without end":       {says("y\n", -1), "no start of frames within 65536 bytes"},
	"escapes in the noise":    {says(nasty+"\n", 3), "connection lost"},
	"nothing":                 {says("", 1), "connection lost"},
	"a frame of 2 GiB":        {says("\x00\x01muster-frames\x02\x00\x7f\xff\xff\xff\x01", 1), "length 2147483647"},
	"work before hello":       {first(wire.Begun{}), "the first message is a wire.Begun"},
	"another protocol":        {first(wire.Hello{Protocol: 99}), "the agent speaks protocol 99"},
	"another agent":           {first(wire.Hello{Protocol: wire.Protocol, Agent: nasty}), "which is none of ours"},
	"hello twice":             {planning(func(e *speaker, _ wire.Steps) { e.hello(facts()) }), "a wire.Hello that nobody asked for"},
	"pings without end":       {planning(func(e *speaker, _ wire.Steps) { e.repeat(wire.Ping{Seq: 1}) }), "a wire.Ping that nobody asked for"},
	"pongs without end":       {planning(func(e *speaker, _ wire.Steps) { e.repeat(wire.Pong{}) }), "protocol violation: pong 0 after ping"},
	"the end before the plan": {planning(func(e *speaker, s wire.Steps) { _ = e.w.Write(wire.Done{ID: s.Vertices[0].ID}) }), "is done, and nobody asked for it"},
	"output before the plan":  {planning(func(e *speaker, s wire.Steps) { _ = e.w.Write(wire.Output{ID: s.Vertices[0].ID, Text: nasty}) }), "a wire.Output that nobody asked for"},
	"a plan of nothing":       {planning(func(e *speaker, _ wire.Steps) { _ = e.w.Write(wire.Base{}) }), "steps without a plan"},
	"a plan of other steps":   {planning(func(e *speaker, _ wire.Steps) { _ = e.w.Write(wire.Base{Plans: []wire.VertexPlan{{ID: 4040}}}) }), "a plan for step 4040"},
	"a plan without end": {planning(func(e *speaker, _ wire.Steps) {
		e.repeat(wire.Base{More: true, Plans: []wire.VertexPlan{{ID: 1, Changes: invented(2000)}}})
	}), "protocol violation"},
	"a plan that fails":       {planning(failedPlan), "cannot: "},
	"its end twice":           {working(innocent, func(e *speaker, id uint32) { twice(e, wire.Done{ID: id, Changes: []machine.Change{innocent}}) }), "is done, and nobody asked for it"},
	"the end of another step": {working(innocent, func(e *speaker, id uint32) { _ = e.w.Write(wire.Done{ID: id + 1000}) }), "is done, and nobody asked for it"},
	"10 GB of output":         {working(innocent, func(e *speaker, id uint32) { e.repeat(wire.Output{ID: id, Text: strings.Repeat("x", 900<<10)}) }), "more output than an agent sends"},
	"escapes as output":       {working(ugly, func(e *speaker, id uint32) { failed(e, id) }), "cannot: "},
	"100,000 changes":         {working(innocent, manyChanges), "and 99979 more"},
	"not what it planned":     {working(innocent, func(e *speaker, id uint32) { _ = e.w.Write(wire.Done{ID: id}) }), "was planned to change and did not"},
}

func failedPlan(e *speaker, s wire.Steps) {
	var base wire.Base
	for _, v := range s.Vertices {
		base.Plans = append(base.Plans, wire.VertexPlan{ID: v.ID, Failure: failure()})
	}
	_ = e.w.Write(base)
}

func failure() *wire.Failure {
	return &wire.Failure{Object: nasty, Cause: "cannot: " + nasty, Command: []string{nasty}, Stderr: nasty + "\n" + nasty, Hint: nasty, Kind: nasty}
}

func failed(e *speaker, id uint32) {
	_ = e.w.Write(wire.Output{ID: id, Text: nasty + "\n" + nasty})
	_ = e.w.Write(wire.Done{ID: id, Changes: []machine.Change{ugly}, Failure: failure()})
}

func twice(e *speaker, d wire.Done) {
	_ = e.w.Write(d)
	_ = e.w.Write(d)
}

// manyChanges reports 100,000 changes that nobody planned.
func manyChanges(e *speaker, id uint32) {
	d := wire.Done{ID: id, Changes: append([]machine.Change{innocent}, invented(99_999)...)}
	for i := range d.Changes[1:] {
		d.Changes[i+1].Key = fmt.Sprint("/", i)
	}
	d.Failure = failure()
	for _, p := range wire.SplitDone(d) {
		if e.w.Write(p) != nil {
			return
		}
	}
}

// besides starts a fleet of honest nodes and one node for each hostility; it returns
// their names.
func besides(t *testing.T, honest int, list map[string]hostility) (dir string, evil map[string]string) {
	t.Helper()
	evil, by := map[string]string{}, map[string]sim.Evil{}
	for i, what := range slices.Sorted(maps.Keys(list)) {
		name := fmt.Sprintf("node%02d", honest+i)
		evil[name], by[name] = what, list[what].evil
	}
	dir = t.TempDir()
	fleet, err := lab.StartFleet(lab.SimOptions{Name: "sim", Dir: dir, Nodes: honest + len(list), Evil: by})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	return dir, evil
}

// blamed are all words that a run had for a host.
func blamed(events []event.Event) map[string]string {
	out := map[string]string{}
	for _, e := range events {
		text := e.Text
		if e.Failure != nil {
			text += " " + e.Failure.Cause
		}
		out[e.Host] += text + "\n"
	}
	return out
}

// TestHostileFacts: slurm-cluster among nodes that lie. The honest nodes are
// completed, and nothing that a liar said is in slurm.conf.
func TestHostileFacts(t *testing.T) {
	dir, evil := besides(t, 4, lies)
	p := start(t, dir, "", nil, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster")
	r := p.wait(t, 2*time.Minute).want(t, 3)
	done, said := completed(r.events), blamed(r.events)
	for _, name := range []string{"ctl01", "node01", "node02", "node03"} {
		if done[name] < 5 {
			t.Errorf("%s has done %d steps: %s", name, done[name], tail(said[name], 500))
		}
	}
	for name, what := range evil {
		if done[name] > 0 || !strings.Contains(said[name], lies[what].want) {
			t.Errorf("%s: %s did %d steps, and this was said: %s", what, name, done[name], tail(said[name], 500))
		}
	}
	checkConf(t, r.events)
	checkMemory(t, p, 100)
}

// checkConf looks at the slurm.conf that an apply has written to the controller.
func checkConf(t *testing.T, events []event.Event) {
	t.Helper()
	conf := ""
	for _, e := range events {
		for _, c := range e.Changes {
			if e.Kind == event.StepResult && e.Host == "ctl01" && c.Key == "/etc/slurm/slurm.conf" {
				conf = c.Want.Get("content").S
			}
		}
	}
	nodes := 0
	for line := range strings.Lines(conf) {
		if strings.HasPrefix(line, "NodeName=node") {
			nodes++
		}
	}
	if nodes == 0 || !strings.Contains(conf, "node[01-03]") {
		t.Errorf("slurm.conf has no honest nodes:\n%s", conf)
	}
	for _, word := range []string{"evil", "999", "shadow", "$(", "mgmt", "\x1b", "65536"} {
		if strings.Contains(conf, word) {
			t.Errorf("slurm.conf has %q:\n%s", word, conf)
		}
	}
}

const motd = "step \"file\" \"motd\" {\n  on      = \"all\"\n  path    = \"/etc/motd\"\n  content = \"x\"\n}\n" +
	"step \"file\" \"issue\" {\n  on      = \"all\"\n  path    = \"/etc/issue\"\n  content = \"y\"\n}\n"

// TestHostileNodes: nodes that do on the wire what no agent does, beside honest ones.
// Each fails alone and by name, the others are completed, the run ends, memory stays
// bounded.
func TestHostileNodes(t *testing.T) {
	dir, evil := besides(t, 4, deeds)
	write(t, dir+"/play.hcl", motd)
	p := start(t, dir, "", nil, "apply", "--yes", "--json", "-i", "inventory.hcl", "play.hcl")
	r := p.wait(t, 4*time.Minute).want(t, 3)
	done, said := completed(r.events), blamed(r.events)
	for _, name := range []string{"ctl01", "node01", "node02", "node03"} {
		if done[name] != 2 {
			t.Errorf("%s has done %d steps: %s", name, done[name], tail(said[name], 500))
		}
	}
	for name, what := range evil {
		if strings.Contains(said[name], "protocol violation: protocol violation") {
			t.Errorf("%s: it is said twice: %s", what, tail(said[name], 300))
		}
		if !strings.Contains(said[name], deeds[what].want) {
			t.Errorf("%s: of %s was said: %s", what, name, tail(said[name], 1000))
		}
	}
	harmless(t, r)
	checkMemory(t, p, 250)
}

// TestHostileScreen: the same in words. Nothing that a terminal obeys comes out.
func TestHostileScreen(t *testing.T) {
	for _, verb := range [][]string{{"apply", "--yes", "-v", "-i", "inventory.hcl", "play.hcl"}, {"plan", "-v", "-i", "inventory.hcl", "play.hcl"},
		{"ping", "-i", "inventory.hcl"}, {"facts", "-i", "inventory.hcl"}, {"run", "-i", "inventory.hcl", "--", "true"}} {
		t.Run(verb[0], func(t *testing.T) {
			dir, evil := besides(t, 2, map[string]hostility{
				"a": deeds["escapes as output"], "b": deeds["escapes in the noise"], "c": deeds["a plan that fails"],
				"d": lies["escapes in the OS"], "e": deeds["another agent"], "f": {func(s sim.Session) int {
					_, _ = fmt.Fprintln(s.Err, nasty)
					return 1
				}, ""},
			})
			write(t, dir+"/play.hcl", motd)
			r := start(t, dir, "", nil, verb...).wait(t, 2*time.Minute)
			harmless(t, r)
			if r.exit != 3 && r.exit != 4 {
				t.Errorf("exit %d", r.exit)
			}
			for name := range evil {
				if verb[0] != "facts" && !strings.Contains(r.stdout+r.stderr, name) {
					t.Errorf("%s is not mentioned:\n%s", name, tail(r.stdout+r.stderr, 3000))
				}
			}
		})
	}
}

// harmless fails where a run printed what a terminal would obey, or hide.
func harmless(t *testing.T, r result) {
	t.Helper()
	for _, text := range []string{r.stdout, r.stderr} {
		if !utf8.ValidString(text) {
			t.Error("the output is not UTF-8")
		}
		for i, c := range text {
			if c != '\n' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
				t.Fatalf("%q came out: %q", c, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
}

// checkMemory fails where a muster that has ended had more than so many MiB.
func checkMemory(t *testing.T, p *process, limit int64) {
	t.Helper()
	usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss == 0 {
		t.Fatal("the system does not tell how much memory muster had")
	}
	t.Logf("muster had %d MiB at most, and took %s of processor time", usage.Maxrss>>10, p.cmd.ProcessState.UserTime())
	if usage.Maxrss>>10 > limit {
		t.Errorf("muster had %d MiB, at most %d are allowed", usage.Maxrss>>10, limit)
	}
}
