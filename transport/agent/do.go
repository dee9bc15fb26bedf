package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"muster/modules/machine"
	"muster/transport/wire"
)

// do runs one step and answers with Done.
func (s *session) do(ctx context.Context, id uint32) error {
	v, ok := s.vertices[id]
	if !ok || !(s.begun || s.resumed) {
		return fmt.Errorf("controller: step id %d is unknown, or its plan was not approved", id)
	}
	s.busy.Store(id)
	defer s.busy.Store(0)
	start := time.Now()
	done := wire.Done{ID: id}
	if s.hung != "" {
		done.Failure = failure(fmt.Errorf("%s: has hung since its timeout, and nothing more is done here", s.hung))
	} else {
		done.Changes, done.Failure = s.run(ctx, v)
	}
	done.Millis = time.Since(start).Milliseconds()
	for _, part := range wire.SplitDone(done) {
		if err := s.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// outcome is what a step's goroutine came to.
type outcome struct {
	changes []machine.Change
	err     error
}

// run does a step within its hard timeout. A step that does not even end when it
// is cancelled is left behind, and the agent does no other.
func (s *session) run(ctx context.Context, v wire.Vertex) ([]machine.Change, *wire.Failure) {
	limit := time.Duration(v.TimeoutMS) * time.Millisecond
	if limit <= 0 {
		limit = stepTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := newOutput(s.w, v.ID, s.mask.text)
	defer out.close()
	say := out.add
	if s.Vertex != nil {
		ctx, say = s.Vertex(ctx, s.Run, v.Name, out.add), nil
	}
	result := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil {
				o.err = &bug{r, debug.Stack()}
			}
			result <- o
		}()
		if o.err = s.quiet(ctx); o.err == nil {
			o.changes, o.err = s.node.Do(ctx, v.ID, say)
		}
	}()

	var o outcome
	select {
	case o = <-result:
	case <-ctx.Done():
		select {
		case o = <-result:
		case <-time.After(s.Abandon):
			s.hung = v.Name
			return nil, &wire.Failure{Object: v.Name, Kind: "timeout",
				Cause: fmt.Sprintf("did not finish within %v and still hangs", limit)}
		}
	}
	f := s.mask.failure(o.err)
	if f != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.late = true
		f.Kind, f.Hint = "timeout", strings.TrimPrefix(f.Hint+"; ", "; ")+fmt.Sprintf("the step has `timeout` %v", limit)
	}
	return o.changes, f
}

// quiet waits for what a step that outran its time has left running: an
// installation goes on by itself, and nothing may be read or written beside it.
func (s *session) quiet(ctx context.Context) error {
	if !s.late {
		return nil
	}
	err := s.adopt(ctx)
	s.late = err != nil
	return err
}
