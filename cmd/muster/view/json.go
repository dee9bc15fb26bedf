package view

import (
	"encoding/json"
	"io"
	"sync"

	"muster/playbooks/event"
)

// JSON writes one event per line.
type JSON struct {
	mu  sync.Mutex
	enc *json.Encoder
	err error
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
	j.ended = j.ended || e.Kind == event.RunSummary
}

// End writes the last line of a stream that ends before a run could write it:
// there is always a summary.
func (j *JSON) End(exit int, text string) {
	if j.ended {
		return
	}
	j.Emit(event.Event{Version: event.Version, Seq: 1, Kind: event.KindVersion, Text: "muster events 1"})
	if text != "" {
		j.Emit(event.Event{Version: event.Version, Seq: 2, Kind: event.DiagnosticMsg, Text: text})
	}
	j.Emit(event.Event{Version: event.Version, Seq: 3, Kind: event.RunSummary, Summary: &event.Summary{Exit: exit}})
}
