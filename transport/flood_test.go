package transport

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/modules/machine"
	"muster/transport/wire"
)

// TestDrippingFrame: a frame that comes one byte at a time, each before the silence
// is over, is no sign of life.
func TestDrippingFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, err := open(t, Link{})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, readerOf(p)) }()
		go func() {
			for _, b := range bytesOf(t, wire.Pong{Seq: 1}) {
				select {
				case <-c.Done():
					return
				case <-time.After(20 * time.Second):
				}
				if _, err := p.raw.Write([]byte{b}); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		if _, err := c.Recv(t.Context()); !errors.Is(err, ErrLost) || time.Since(began) > 35*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// TestSteadyOutput: what an agent may send at most is never taken for a flood, also
// after a network that held it back has let it go.
func TestSteadyOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, err := open(t, Link{})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, readerOf(p)) }()
		if err := c.Send(t.Context(), wire.Do{ID: 1}); err != nil {
			t.Fatal(err)
		}
		piece := wire.Output{ID: 1, Text: strings.Repeat("x", 70<<10)}
		go func() {
			for i := range 1500 {
				if i > 100 || i < 50 { // 50 at once: 3.4 MiB
					time.Sleep(100 * time.Millisecond)
				}
				if p.w.Write(piece) != nil {
					return
				}
			}
			_ = p.w.Write(wire.Done{ID: 1})
		}()
		for n := 0; ; n++ {
			m, err := c.Recv(t.Context())
			if err != nil {
				t.Fatalf("after %d pieces: %v", n, err)
			}
			if _, ok := m.(wire.Done); ok && n == 1500 {
				return
			}
		}
	})
}

// TestFatPlan: a plan that is small on the wire and large in memory is cut off
// before it fills the memory.
func TestFatPlan(t *testing.T) {
	for name, base := range map[string]wire.Base{
		"plans": {More: true, Plans: func() []wire.VertexPlan {
			out := make([]wire.VertexPlan, 40_000)
			for i := range out {
				out[i].ID = uint32(i)
			}
			return out
		}()},
		"states": {More: true, Plans: []wire.VertexPlan{{ID: 1, Changes: func() []machine.Change {
			out := make([]machine.Change, 4000)
			for i := range out {
				out[i].Was, out[i].Want = machine.State{"": {}}, machine.State{"": {}}
			}
			return out
		}()}}},
	} {
		t.Run(name, func(t *testing.T) {
			c, p, err := open(t, Link{})
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, readerOf(p)) }()
			if err := c.Send(t.Context(), wire.Steps{}); err != nil {
				t.Fatal(err)
			}
			part := bytesOf(t, base)
			before := heap()
			go func() {
				for {
					if _, err := p.raw.Write(part); err != nil {
						return
					}
				}
			}()
			if err := lastError(t, c); !errors.Is(err, ErrHostile) {
				t.Error(err)
			}
			if kept := heap() - before; kept > 2*maxParts {
				t.Errorf("%d MiB are kept of it", kept>>20)
			}
			runtime.KeepAlive(c)
		})
	}
}

// heap is what is alive, in bytes.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
