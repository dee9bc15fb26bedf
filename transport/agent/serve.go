package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"muster/modules/machine"
	"muster/modules/machine/plan"
	"muster/transport/wire"
)

// ErrSilent: the controller has said nothing for too long.
var ErrSilent = errors.New("controller: silent for too long")

// errGone ends a step whose controller is gone: nothing new is started.
var errGone = errors.New("controller: gone")

// session is one conversation with a controller.
type session struct {
	Options
	w     *wire.Writer
	store machine.Store
	runs  runDir

	inbox chan wire.Message
	busy  atomic.Uint32
	gone  chan struct{}
	leave sync.Once
	cause error // why gone was closed

	resumed  bool
	steps    []wire.Vertex // gathered until the last part
	vertices map[uint32]wire.Vertex
	node     *plan.Node
	begun    bool
	hung     string // step that was abandoned
	late     bool   // a step has outrun its time, and may have left a program running
	mask     mask
}

// Serve talks to one controller until it says Bye, closes in, or is silent. The
// error is nil after Bye and at a clean end of in. What is being written when
// the controller goes is finished first. Serve closes in if it can be closed.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	gone := make(chan struct{})
	s := &session{
		Options: o, w: wire.NewWriter(&leaving{out, gone}), runs: runDir{o.Dir, o.Run},
		inbox: make(chan wire.Message, 64), gone: gone,
		vertices: map[uint32]wire.Vertex{},
	}
	stop := context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	defer stop()
	alive := time.AfterFunc(time.Hour, func() { s.end(ErrSilent) })
	defer alive.Stop()
	go s.listen(in, alive)
	if c, ok := in.(io.Closer); ok {
		defer c.Close() // a read that this does not wake ends with the process
	}

	release, held, err := s.lock()
	if err != nil {
		return err
	}
	defer release()
	alive.Reset(s.Silence)
	if err := s.hello(held); errors.Is(err, errGone) {
		return s.cause
	} else if err != nil || held != nil || s.Mode == wire.Facts {
		return err
	}
	if c, ok := s.store.(interface{ Close() }); ok {
		defer c.Close()
	}
	return s.loop(context.WithoutCancel(ctx))
}

// end marks the controller as gone; the first cause counts.
func (s *session) end(cause error) {
	s.leave.Do(func() {
		s.cause = cause
		close(s.gone)
	})
}

// listen reads frames until the stream ends. It answers pings itself, so that
// they are answered while a step runs.
func (s *session) listen(in io.Reader, alive *time.Timer) {
	r := wire.NewReader(in)
	err := r.Sync()
	for err == nil {
		var m wire.Message
		if m, err = r.Read(); err != nil {
			break
		}
		alive.Reset(s.Silence)
		if p, ok := m.(wire.Ping); ok {
			err = s.w.Write(wire.Pong{Seq: p.Seq, Busy: s.busy.Load()})
			continue
		}
		select {
		case s.inbox <- m:
		default:
			err = errors.New("controller: too many messages at once")
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		err = nil
	}
	s.end(err)
}

// lock takes the node's lock. An earlier agent of the same run, which is
// finishing its last write, is waited for.
func (s *session) lock() (release func(), held *wire.Holder, err error) {
	if s.Lock == nil || s.Mode == wire.Facts {
		return func() {}, nil, nil
	}
	me := wire.Holder{Run: s.Run, Who: s.Who, Since: time.Now().Unix(), Mode: s.Mode}
	deadline := time.Now().Add(s.Silence)
	for {
		release, held, err = s.Lock(me)
		if err != nil {
			return nil, nil, fmt.Errorf("lock: %w", err)
		}
		if held == nil {
			return release, nil, nil
		}
		if held.Run != s.Run || time.Now().After(deadline) {
			return func() {}, held, nil
		}
		select {
		case <-s.gone:
			return func() {}, held, nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// hello opens the node and says what it is.
func (s *session) hello(held *wire.Holder) error {
	h := wire.Hello{Protocol: wire.Protocol, Agent: s.Digest, PID: os.Getpid(), Holder: held}
	if held == nil {
		store, err := s.Store()
		if err != nil {
			return fmt.Errorf("node: open: %w", err)
		}
		s.store, h.Facts = store, store.Facts()
	}
	if held == nil && s.Mode == wire.Apply {
		s.runs.clean(time.Now().Add(-runAge), s.Digest)
		s.resumed = s.runs.exists()
	}
	h.Resumed = s.resumed
	if err := s.w.Sync(); err != nil {
		return err
	}
	return s.w.Write(h)
}

// loop answers one message after the other.
func (s *session) loop(ctx context.Context) error {
	for {
		select {
		case <-s.gone:
			return s.cause
		case m := <-s.inbox:
			bye, err := s.answer(ctx, m)
			if err != nil {
				select {
				case <-s.gone: // the cause, not the broken pipe that follows from it
					return s.cause
				default:
					return err
				}
			}
			if bye {
				return nil
			}
		}
	}
}

func (s *session) answer(ctx context.Context, m wire.Message) (bye bool, err error) {
	switch m := m.(type) {
	case wire.Steps:
		return false, s.take(ctx, m)
	case wire.Begin:
		return false, s.begin(ctx)
	case wire.Do:
		return false, s.do(ctx, m.ID)
	case wire.Bye:
		if m.Forget && s.Mode == wire.Apply {
			return true, s.runs.forget()
		}
		return true, nil
	}
	return false, fmt.Errorf("controller: a %T was not expected", m)
}
