package agent

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"muster/transport/wire"
)

const (
	// outputEvery and outputChunk bound what a step may send: some 640 KiB/s.
	outputEvery = 100 * time.Millisecond
	outputChunk = 64 << 10
)

// output sends what a step prints, in pieces. It never holds up the step: what
// the connection cannot take is left out and counted.
type output struct {
	w    *wire.Writer
	id   uint32
	mask func(string) string
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	text    strings.Builder
	dropped int
}

func newOutput(w *wire.Writer, id uint32, mask func(string) string) *output {
	o := &output{w: w, id: id, mask: mask, stop: make(chan struct{}), done: make(chan struct{})}
	go o.loop()
	return o
}

func (o *output) add(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	take := min(len(text), outputChunk-o.text.Len())
	o.text.WriteString(text[:take])
	o.dropped += len(text) - take
}

func (o *output) loop() {
	defer close(o.done)
	tick := time.NewTicker(outputEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			o.flush(false)
		case <-o.stop:
			o.flush(true)
			return
		}
	}
}

// flush sends the lines that there are; a line that has no end yet waits for it, or
// for the last flush, so that no secret is cut in two. An error is not reported
// here: Done will meet it.
func (o *output) flush(last bool) {
	o.mu.Lock()
	text := o.text.String()
	end := len(text)
	if !last && end < outputChunk {
		end = strings.LastIndexByte(text, '\n') + 1
	}
	rest := text[end:]
	text = o.mask(text[:end])
	if o.dropped > 0 {
		text += fmt.Sprintf("\n(%d bytes of output left out)\n", o.dropped)
	}
	o.text.Reset()
	o.text.WriteString(rest)
	o.dropped = 0
	o.mu.Unlock()
	if text != "" {
		_ = o.w.Write(wire.Output{ID: o.id, Text: text})
	}
}

// close sends the rest; nothing is sent afterwards.
func (o *output) close() {
	close(o.stop)
	<-o.done
}
