package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"muster/playbooks/event"
)

// JSON writes one event per line.
type JSON struct {
	mu  sync.Mutex
	w   io.Writer
	buf bytes.Buffer // one line
	enc *json.Encoder
	err error
	seq uint64 // last one written
	// ended is set by a run_summary: nothing follows it.
	ended bool
}

// NewJSON writes to w.
func NewJSON(w io.Writer) *JSON {
	j := &JSON{w: w}
	j.enc = json.NewEncoder(&j.buf)
	j.enc.SetEscapeHTML(false)
	return j
}

// escaped writes what a terminal could be led by as JSON's own escapes: the value
// stays the same. What JSON escapes by itself is not all of it.
func escaped(line []byte) []byte {
	if plain(string(line)) {
		return line
	}
	out := make([]byte, 0, len(line)+16)
	for _, r := range string(line) {
		switch {
		case r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0xa0 && hidden(r) && r <= 0xffff:
			out = fmt.Appendf(out, `\u%04x`, r)
		case hidden(r):
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// Emit implements event.Sink. After a fault of the writer it says nothing more.
func (j *JSON) Emit(e event.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil && !j.ended {
		j.err = j.enc.Encode(e)
	}
	if j.err == nil {
		_, j.err = j.w.Write(escaped(j.buf.Bytes()))
	}
	j.buf.Reset()
	j.seq = e.Seq
	j.ended = j.ended || e.Kind == event.RunSummary
}

// End writes the last line of a stream that ends before a run could write it:
// there is always a summary.
func (j *JSON) End(exit int, text string) {
	if j.ended {
		return
	}
	if text != "" {
		j.Next(event.Event{Kind: event.DiagnosticMsg, Text: text})
	}
	j.Next(event.Event{Kind: event.RunSummary, Summary: &event.Summary{Exit: exit}})
}

// Next stamps and writes an event of a verb that is no run. The version comes
// before the first.
func (j *JSON) Next(e event.Event) {
	e.Version, e.Time = event.Version, time.Now()
	j.Again(e)
}

// Again writes an event that another stream had: it keeps its time and gets a
// number of this one.
func (j *JSON) Again(e event.Event) {
	if j.seq == 0 && e.Kind != event.KindVersion {
		j.Next(event.Event{Kind: event.KindVersion, Text: fmt.Sprintf("muster events %d", event.Version)})
	}
	e.Seq = j.seq + 1
	j.Emit(e)
}
