package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"muster/modules/machine"
	"muster/transport/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is the other end of a Conn, to be an agent of any kind.
type peer struct {
	r   *wire.Reader
	w   *wire.Writer
	raw io.Writer // below w, for what is no frame
}

// open makes a Conn whose agent has said hello.
func open(t *testing.T, link Link) (*Conn, *peer, error) {
	t.Helper()
	toUs, fromPeer := io.Pipe()
	toPeer, fromUs := io.Pipe()
	p := &peer{r: wire.NewReader(toPeer), w: wire.NewWriter(fromPeer), raw: fromPeer}
	link.R, link.W = toUs, fromUs
	link.Close = func() error { return errors.Join(toUs.Close(), fromUs.Close(), toPeer.Close(), fromPeer.Close()) }
	greeted := make(chan struct{})
	go func() {
		defer close(greeted)
		_ = p.w.Sync()
		_ = p.w.Write(wire.Hello{Protocol: wire.Protocol, Agent: "good", Facts: machine.Facts{Hostname: "n1"}})
		_ = p.r.Sync()
	}()
	c, err := Open(t.Context(), link)
	<-greeted
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, p, err
}

func TestHello(t *testing.T) {
	c, _, err := open(t, Link{Digests: []string{"other", "good"}})
	if err != nil || c.Hello().Facts.Hostname != "n1" {
		t.Fatal(c, err)
	}
	if _, _, err := open(t, Link{Digests: []string{"other"}}); !errors.Is(err, ErrHostile) {
		t.Errorf("wrong digest: %v", err)
	}
}

func TestBadHello(t *testing.T) {
	stream := func(messages ...wire.Message) string {
		var b bytes.Buffer
		w := wire.NewWriter(&b)
		_ = w.Sync()
		for _, m := range messages {
			_ = w.Write(m)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		in   string
		want error
	}{
		"nothing":        {"", ErrLost},
		"text":           {"Permission denied\n", ErrLost},
		"marker only":    {stream(), ErrLost},
		"other message":  {stream(wire.Begun{}), ErrHostile},
		"other protocol": {stream(wire.Hello{Protocol: 99}), ErrHostile},
		"garbage":        {stream() + "\x00\x00\x00\x05\x01xxxx", ErrHostile},
		"endless noise":  {strings.Repeat("y\n", 1<<20), ErrHostile},
	} {
		closed := false
		_, err := Open(t.Context(), Link{R: strings.NewReader(tt.in), W: io.Discard, Close: func() error { closed = true; return nil }})
		if !errors.Is(err, tt.want) || !closed {
			t.Errorf("%s: got %v, closed %v", name, err, closed)
		}
	}
}

// readerOf reads messages away.
func readerOf(p *peer) io.Reader {
	return readFunc(func(b []byte) (int, error) {
		_, err := p.r.Read()
		return 0, err
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

func TestParts(t *testing.T) {
	c, p, err := open(t, Link{})
	if err != nil {
		t.Fatal(err)
	}
	big := wire.Vertex{ID: 1, Config: make([]byte, 400<<10)}
	got := make(chan int, 1)
	go func() {
		parts := 0
		for more := true; more; parts++ {
			m, err := p.r.Read()
			if err != nil {
				break
			}
			more = m.(wire.Steps).More
		}
		got <- parts
		_ = p.w.Write(wire.Base{Plans: []wire.VertexPlan{{ID: 1, Changes: make([]machine.Change, 2)}}, More: true})
		_ = p.w.Write(wire.Base{Plans: []wire.VertexPlan{{ID: 1, Changes: make([]machine.Change, 1)}, {ID: 2}}})
	}()
	if err := c.Send(t.Context(), wire.Steps{Vertices: []wire.Vertex{big, big, big}}); err != nil {
		t.Fatal(err)
	}
	if n := <-got; n != 3 {
		t.Errorf("%d parts, want 3", n)
	}
	m, err := c.Recv(t.Context())
	if b, ok := m.(wire.Base); err != nil || !ok || len(b.Plans) != 2 || len(b.Plans[0].Changes) != 3 || b.More {
		t.Errorf("got %+v, %v", m, err)
	}
	if err := c.Send(t.Context(), wire.Steps{Vertices: []wire.Vertex{{Config: make([]byte, wire.MaxFrame)}}}); err == nil {
		t.Error("a step that fits into no frame was sent")
	}
}

// TestHeartbeat runs on fake time.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, err := open(t, Link{})
		if err != nil {
			t.Fatal(err)
		}
		go func() { // answers for a minute, then falls silent
			for range 12 {
				m, err := p.r.Read()
				if err != nil {
					return
				}
				_ = p.w.Write(wire.Pong{Seq: m.(wire.Ping).Seq})
			}
			_, _ = io.Copy(io.Discard, readerOf(p))
		}()
		start := time.Now()
		_, err = c.Recv(t.Context())
		if took := time.Since(start); !errors.Is(err, ErrLost) || took < 85*time.Second || took > 95*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestSlowCaller: a caller that does not Recv for long does not lose a node.
func TestSlowCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, err := open(t, Link{})
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan struct{})
		go func() {
			for {
				m, err := p.r.Read()
				if err != nil {
					return
				}
				if _, ok := m.(wire.Do); ok {
					close(asked)
				}
			}
		}()
		if err := c.Send(t.Context(), wire.Do{ID: 1}); err != nil {
			t.Fatal(err)
		}
		<-asked
		go func() {
			for i := range 40 {
				if p.w.Write(wire.Output{ID: 1, Text: fmt.Sprint(i)}) != nil {
					return
				}
			}
		}()
		time.Sleep(10 * time.Minute)
		for i := range 40 {
			m, err := c.Recv(t.Context())
			if o, ok := m.(wire.Output); err != nil || !ok || o.Text != fmt.Sprint(i) {
				t.Fatalf("%d: got %v, %v", i, m, err)
			}
		}
	})
}

func TestNoHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		_, err := Open(t.Context(), Link{R: r, W: io.Discard, Close: r.Close})
		if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "no hello") {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r2, w2 := io.Pipe()
		defer w2.Close()
		if _, err := Open(ctx, Link{R: r2, W: io.Discard, Close: r2.Close}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestFromFS(t *testing.T) {
	content := []byte(strings.Repeat("agent", 1000))
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	packed := enc.EncodeAll(content, nil)
	enc.Close()
	a := FromFS(fstest.MapFS{
		"linux-amd64.zst": {Data: packed}, "linux-amd64.sha256": {Data: []byte(digest + "  linux-amd64\n")},
		"linux-arm64.zst": {Data: packed[:20]}, "linux-arm64.sha256": {Data: []byte("zz\n")},
	})
	got, open, err := a.Agent("amd64")
	if err != nil || got != digest {
		t.Fatal(got, err)
	}
	for range 2 {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(b, content) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	if _, _, err := a.Agent("arm64"); err == nil || errors.Is(err, ErrNoAgent) {
		t.Errorf("bad digest: %v", err)
	}
	if _, _, err := a.Agent("riscv64"); !errors.Is(err, ErrNoAgent) {
		t.Errorf("no such agent: %v", err)
	}
}
