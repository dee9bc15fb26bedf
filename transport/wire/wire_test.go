package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster/modules/machine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples is one message of every type, with bytes that are not UTF-8.
func samples() []Message {
	change := machine.Change{Table: "file", Key: "/etc/\xff", Was: nil, Want: machine.State{
		"content": machine.Text("a\xfe\n"), "mode": machine.Text("0644"), "key": {S: "d1", Secret: true}}}
	gone := machine.Change{Table: "package", Key: "x", Nth: 1, Was: machine.State{"version": machine.Text("1")},
		Note: "n", Outcome: machine.Written, Opaque: true}
	failure := &Failure{Object: "unit[a]", Cause: "c", Command: []string{"a", "b"}, Exit: 3, Stderr: "\x1b", Hint: "h", Kind: "bug"}
	return []Message{
		Hello{Protocol: Protocol, Agent: "ab", PID: 7, Facts: machine.Facts{Hostname: "n1", CPUs: 4,
			NICs: []machine.NIC{{Name: "eth0", Addresses: []string{"10.0.0.1/8"}}}},
			Holder: &Holder{Run: "r", Who: "w", Since: 5, Mode: Apply}, Resumed: true, Adopted: []string{"u"}},
		Steps{Vertices: []Vertex{{ID: 1, Name: "file[a]", Module: "file", Config: []byte{1, 0xff}, TimeoutMS: 9}}, More: true, Replace: true},
		Base{Plans: []VertexPlan{{ID: 1, Changes: []machine.Change{change, gone}}, {ID: 2, Failure: failure}}},
		Begin{}, Begun{Failure: failure}, Do{ID: 300},
		Done{ID: 1, Changes: []machine.Change{change}, Millis: 70000},
		Output{ID: 1, Text: "\x00\xff"}, Ping{Seq: 1 << 40}, Pong{Seq: 2, Busy: 3}, Bye{Forget: true},
	}
}

func TestGolden(t *testing.T) {
	for _, m := range samples() {
		name := strings.TrimPrefix(fmt.Sprintf("%T", m), "wire.")
		t.Run(name, func(t *testing.T) {
			b, err := Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "frames", name+".hex")
			if *update {
				if err := os.WriteFile(file, []byte(hex.Dump(b)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), hex.Dump(b)); d != "" {
				t.Errorf("frame differs:\n%s", d)
			}
			got, err := NewReader(iotest.OneByteReader(bytes.NewReader(b))).Read()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(m, got); d != "" {
				t.Errorf("message differs:\n%s", d)
			}
		})
	}
}

func frame(t byte, content ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)+1))
	return append(append(b, t), content...)
}

func TestRefused(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x81}, 40), 0x80)
	many := append([]byte{0x9a, 0, 3, 0, 0}, make([]byte, 3<<16)...)
	for name, tt := range map[string]struct {
		in   []byte
		want string
	}{
		"oversize":       {[]byte{0, 0x10, 0, 1, 1}, "length 1048577"},
		"empty":          {[]byte{0, 0, 0, 0}, "length 0"},
		"unknown type":   {frame(99, 0xa0), "type 99 is unknown"},
		"type zero":      {frame(0, 0xa0), "type 0 is unknown"},
		"wrong kind":     {frame(6, 0x80), "type 6"},
		"unknown field":  {frame(6, 0xa1, 0x61, 'z', 1), "type 6"},
		"twice":          {frame(6, 0xa2, 0x61, 'i', 1, 0x61, 'i', 2), "type 6"},
		"trailing":       {frame(6, 0xa0, 0xa0), "type 6"},
		"deep":           {frame(3, deep...), "type 3"},
		"many":           {frame(3, many...), "more than 131072 items"},
		"indefinite":     {frame(3, 0xbf, 0xff), "broken item"},
		"string too far": {frame(3, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "cut off"},
		"tag":            {frame(6, 0xa1, 0x61, 'i', 0xc1, 1), "type 6"},
	} {
		_, err := NewReader(bytes.NewReader(tt.in)).Read()
		if !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want ErrFrame with %q", name, err, tt.want)
		}
	}
}

func TestCutOff(t *testing.T) {
	b, err := Marshal(samples()[0])
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		_, err := NewReader(bytes.NewReader(b[:n])).Read()
		if n == 0 && err == io.EOF {
			continue
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d bytes: got %v", n, err)
		}
	}
}

func TestTooBigToWrite(t *testing.T) {
	var b bytes.Buffer
	err := NewWriter(&b).Write(Output{Text: strings.Repeat("x", MaxFrame)})
	if err == nil || b.Len() != 0 {
		t.Errorf("got %v and %d bytes, want an error and none", err, b.Len())
	}
}

func TestSync(t *testing.T) {
	stream := func(noise string) io.Reader {
		var b bytes.Buffer
		b.WriteString(noise)
		w := NewWriter(&b)
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(Ping{Seq: 4}); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	for _, noise := range []string{"", "Welcome!\r\n", string(marker[:5]), strings.Repeat("x", MaxNoise)} {
		r := NewReader(stream(noise))
		if err := r.Sync(); err != nil {
			t.Fatalf("%d bytes of noise: %v", len(noise), err)
		}
		if m, err := r.Read(); err != nil || m != (Ping{Seq: 4}) {
			t.Errorf("%d bytes of noise: got %v, %v", len(noise), m, err)
		}
	}
	err := NewReader(stream(strings.Repeat("x", MaxNoise+1))).Sync()
	if !errors.Is(err, ErrFrame) {
		t.Errorf("too much noise: got %v", err)
	}
	err = NewReader(strings.NewReader("This account is currently not available.")).Sync()
	if !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "not available") {
		t.Errorf("only noise: got %v", err)
	}
}

func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 300<<10), 0, 12)
		var b Base
		for i, n := range sizes.Draw(t, "changes") {
			p := VertexPlan{ID: uint32(i)}
			for range rapid.IntRange(0, 8).Draw(t, "n") {
				p.Changes = append(p.Changes, machine.Change{Table: "file", Key: "k",
					Want: machine.State{"content": machine.Text(strings.Repeat("x", n))}})
			}
			b.Plans = append(b.Plans, p)
		}
		var got Base
		parts := SplitBase(b)
		for i, p := range parts {
			f, err := Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if p.More != (i < len(parts)-1) || len(f) > splitSize+8 {
				t.Fatalf("part %d of %d: more %v, %d bytes", i, len(parts), p.More, len(f))
			}
			m, err := NewReader(bytes.NewReader(f)).Read()
			if err != nil {
				t.Fatal(err)
			}
			got.Join(m.(Base))
		}
		for i := range b.Plans {
			b.Plans[i].Changes = fit(b.Plans[i].Changes)
			if len(b.Plans[i].Changes) == 0 {
				b.Plans[i].Changes = nil
			}
		}
		if d := cmp.Diff(b, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestSplitStepsAndDone(t *testing.T) {
	big := make([]byte, 300<<10)
	s := SplitSteps(Steps{Replace: true, Vertices: []Vertex{{ID: 1, Config: big}, {ID: 2, Config: big}, {ID: 3, Config: make([]byte, 900<<10)}}})
	if len(s) != 3 || !s[0].More || s[2].More || !s[1].Replace || s[2].Vertices[0].ID != 3 {
		t.Errorf("steps: %d parts", len(s))
	}
	if e := SplitSteps(Steps{}); len(e) != 1 || e[0].More {
		t.Errorf("no steps: %v", e)
	}
	change := machine.Change{Want: machine.State{"content": machine.Text(string(big[:100<<10]))}}
	d := SplitDone(Done{ID: 4, Millis: 9, Changes: slicesOf(change, 12), Failure: &Failure{Stderr: strings.Repeat("e", 1<<20) + "!"}})
	var got Done
	for _, p := range d {
		got.Join(p)
	}
	if len(d) < 2 || len(got.Changes) != 12 || got.Millis != 9 || got.More || !strings.HasSuffix(got.Failure.Stderr, "e!") {
		t.Errorf("done: %d parts, %d changes", len(d), len(got.Changes))
	}
}

func slicesOf[T any](v T, n int) (out []T) {
	for range n {
		out = append(out, v)
	}
	return out
}

// FuzzRead feeds the reader, and refuses a frame that costs more memory than its
// caps allow.
func FuzzRead(f *testing.F) {
	for _, m := range samples() {
		b, err := Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	empty := append([]byte{0xa1, 0x61, 'p', 0x9a, 0, 1, 0xff, 0}, bytes.Repeat([]byte{0xa0}, 0x1ff00)...)
	f.Add(frame(3, empty...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := NewReader(bytes.NewReader(b))
		for {
			m, err := r.Read()
			if err != nil {
				break
			}
			if _, err := Marshal(m); err != nil && len(b) < MaxFrame/4 {
				t.Errorf("read but not writable: %v", err)
			}
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20+40*uint64(len(b)) {
			t.Errorf("%d bytes of input allocated %d bytes", len(b), got)
		}
	})
}
