package view

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"muster/playbooks/event"
)

// JSON writes one event per line.
type JSON struct {
	mu  sync.Mutex
	enc *json.Encoder
	err error
	seq uint64 // last one written
	// ended is set by a run_summary: nothing follows it.
	ended bool
}

// NewJSON writes to w.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSON{enc: enc}
}

// Emit implements event.Sink. After a fault of the writer it says nothing more.
func (j *JSON) Emit(e event.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil && !j.ended {
		j.err = j.enc.Encode(e)
	}
	j.seq = e.Seq
	j.ended = j.ended || e.Kind == event.RunSummary
}

// End writes the last line of a stream that ends before a run could write it:
// there is always a summary.
func (j *JSON) End(exit int, text string) {
	if j.ended {
		return
	}
	emit := func(e event.Event) {
		e.Version, e.Seq, e.Time = event.Version, j.seq+1, time.Now()
		j.Emit(e)
	}
	if j.seq == 0 {
		emit(event.Event{Kind: event.KindVersion, Text: fmt.Sprintf("muster events %d", event.Version)})
	}
	if text != "" {
		emit(event.Event{Kind: event.DiagnosticMsg, Text: text})
	}
	emit(event.Event{Kind: event.RunSummary, Summary: &event.Summary{Exit: exit}})
}
