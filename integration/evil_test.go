package integration

import (
	enc "encoding/binary"
	"io"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"muster/integration/lab/sim"
	"muster/modules/machine"
	"muster/transport/wire"
)

// nasty is what a node says wherever it may say something: a title, the clipboard, a
// link, colours, C1, bidi, a carriage return, a bell, bytes that are not UTF-8, and
// words for HCL and a shell.
const nasty = "\x1b]0;pwned\a\x1b]52;c;ZXZpbA==\a\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\\x1b[2J\x9b31m\u009b31m\u202egpj\u2066\r\b\x00\xff" +
	"${file(\"/etc/shadow\")} $(reboot) `reboot` ../../etc/passwd"

// speaker is one connection of an evil node, after the marker.
type speaker struct {
	sim.Session
	w     *wire.Writer
	r     *wire.Reader
	steps []wire.Vertex
}

// marked starts a stream of frames.
func marked(s sim.Session) *speaker {
	e := &speaker{Session: s, w: wire.NewWriter(s.Out), r: wire.NewReader(s.In)}
	_ = e.w.Sync() // a closed connection ends the next read
	return e
}

// facts are those of an honest node.
func facts() machine.Facts {
	return machine.Facts{Hostname: "evil", OS: "debian", OSVer: "13", Codename: "trixie", Arch: "amd64", Kernel: "6.12", BootID: "b",
		CPUs: 64, Sockets: 2, Cores: 16, Threads: 2, MemoryMB: 257000, Cgroup: "v2", Clock: time.Now().UnixMilli()}
}

// hello says a good hello with these facts, and reads the controller's marker.
func (e *speaker) hello(f machine.Facts) *speaker {
	_ = e.w.Write(wire.Hello{Protocol: wire.Protocol, Agent: e.Digest, PID: 1, Facts: f})
	_ = e.r.Sync()
	return e
}

// hear reads until a message of this kind comes; false when the connection ends.
func hear[M wire.Message](e *speaker) (M, bool) {
	for {
		m, err := e.r.Read()
		if err != nil {
			var none M
			return none, false
		}
		switch m := m.(type) {
		case M:
			return m, true
		case wire.Ping:
			_ = e.w.Write(wire.Pong{Seq: m.Seq})
		}
	}
}

// plan answers the steps with one change for each of them.
func (e *speaker) plan(change machine.Change) *speaker {
	s, _ := hear[wire.Steps](e)
	e.steps = s.Vertices
	var base wire.Base
	for _, v := range s.Vertices {
		base.Plans = append(base.Plans, wire.VertexPlan{ID: v.ID, Changes: []machine.Change{change}})
	}
	_ = e.w.Write(base)
	return e
}

// work waits until it is to begin, and for the first step.
func (e *speaker) work(change machine.Change) (step uint32) {
	e.hello(facts()).plan(change)
	if _, ok := hear[wire.Begin](e); !ok {
		return 0
	}
	_ = e.w.Write(wire.Begun{})
	do, _ := hear[wire.Do](e)
	return do.ID
}

// wait keeps the connection alive until the controller closes it.
func (e *speaker) wait() int {
	hear[wire.Hello](e) // which no controller says
	return 0
}

// repeat writes until the controller has had enough.
func (e *speaker) repeat(m wire.Message) int {
	for e.w.Write(m) == nil {
	}
	return 0
}

var innocent = machine.Change{Table: "file", Key: "/etc/motd", Want: machine.State{"content": machine.Text("x")}}

var ugly = machine.Change{Table: "file", Key: "/" + nasty, Note: nasty, Was: machine.State{"mode": machine.Text(nasty)},
	Want: machine.State{"mode": machine.Text("0600" + nasty), nasty: machine.Text(nasty)}}

// liar is an honest agent whose facts are not.
func liar(change func(*machine.Facts)) sim.Evil {
	return func(s sim.Session) int {
		f := facts()
		change(&f)
		return marked(s).hello(f).wait()
	}
}

// rawHello is a hello whose facts hold anything, and a number of fields.
func rawHello(facts map[string]any) sim.Evil {
	return func(s sim.Session) int {
		e := marked(s)
		body, err := cbor.Marshal(map[string]any{"v": wire.Protocol, "agent": []byte(s.Digest), "pid": 1, "facts": facts})
		if err != nil {
			return 1
		}
		frame := append(enc.BigEndian.AppendUint32(nil, uint32(len(body)+1)), 1)
		_, _ = s.Out.Write(append(frame, body...))
		return e.wait()
	}
}

// says writes bytes in place of everything.
func says(text string, times int) sim.Evil {
	return func(s sim.Session) int {
		for left := times; left != 0; left-- {
			if _, err := io.WriteString(s.Out, text); err != nil {
				break
			}
		}
		return 1
	}
}

// first is a wrong first message.
func first(m wire.Message) sim.Evil {
	return func(s sim.Session) int {
		e := marked(s)
		_ = e.w.Write(m)
		return e.wait()
	}
}

// planning says something else where a plan is due.
func planning(answer func(*speaker, wire.Steps)) sim.Evil {
	return func(s sim.Session) int {
		e := marked(s).hello(facts())
		if steps, ok := hear[wire.Steps](e); ok {
			answer(e, steps)
		}
		return e.wait()
	}
}

// working plans a change for every step, and then does something else.
func working(change machine.Change, act func(e *speaker, step uint32)) sim.Evil {
	return func(s sim.Session) int {
		e := marked(s)
		for step := e.work(change); step != 0; {
			act(e, step)
			do, _ := hear[wire.Do](e)
			step = do.ID
		}
		return 0
	}
}

// invented are changes that nobody planned.
func invented(n int) []machine.Change {
	out := make([]machine.Change, n)
	for i := range out {
		out[i] = machine.Change{Table: "file", Key: nasty + strings.Repeat("x", i%50), Nth: i, Outcome: machine.Written}
	}
	return out
}
