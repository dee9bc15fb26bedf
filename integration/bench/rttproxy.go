package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// delayed is a TCP proxy that hands on everything it gets a fixed time later: a link of
// any bandwidth with a long way. Order is kept; an end travels as long as data does.
type delayed struct {
	listener net.Listener
	target   string        // host:port
	each     time.Duration // one way; half of a round trip
	wg       sync.WaitGroup
}

// newDelayed starts a proxy on a free loopback port; it runs until Close.
func newDelayed(target string, each time.Duration) (*delayed, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &delayed{listener: l, target: target, each: each}
	d.wg.Go(d.accept)
	return d, nil
}

// Port is where the proxy listens.
func (d *delayed) Port() int { return d.listener.Addr().(*net.TCPAddr).Port }

// Close ends the listener, and waits for connections to end by themselves.
func (d *delayed) Close() error {
	err := d.listener.Close()
	d.wg.Wait()
	return err
}

func (d *delayed) accept() {
	for {
		near, err := d.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", d.target)
		if err != nil {
			_ = near.Close() // the client says what it makes of it
			continue
		}
		d.wg.Go(func() {
			var both sync.WaitGroup
			both.Go(func() { d.carry(far, near) })
			both.Go(func() { d.carry(near, far) })
			both.Wait()
			_, _ = near.Close(), far.Close()
		})
	}
}

// parcel is a piece of a stream on its way; the last has no data.
type parcel struct {
	data []byte
	due  time.Time
}

// inFlight is how many parcels may be on the way at once: more than any protocol here
// sends in a round trip.
const inFlight = 1 << 14

// carry takes one direction.
func (d *delayed) carry(to, from net.Conn) {
	way := make(chan parcel, inFlight)
	go func() {
		defer close(way)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			way <- parcel{buf[:n], time.Now().Add(d.each)}
			if err != nil {
				return
			}
		}
	}()
	var err error
	for p := range way {
		time.Sleep(time.Until(p.due))
		if err == nil && len(p.data) > 0 {
			_, err = to.Write(p.data)
		}
	}
	// What ended on one side has to end on the other; after an error there is no half.
	if half, ok := to.(*net.TCPConn); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		_, _ = to.Close(), from.Close()
	}
}

// echoed measures a proxy itself: the time of n questions of one byte that are
// answered at once, which is n round trips.
func echoed(ctx context.Context, each time.Duration, n int) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	d, err := newDelayed(l.Addr().String(), each)
	if err != nil {
		return 0, err
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.listener.Addr().String())
	if err != nil {
		return 0, errors.Join(err, d.Close())
	}
	began := time.Now()
	var b [1]byte
	for range n {
		if _, err = c.Write(b[:]); err == nil {
			_, err = io.ReadFull(c, b[:])
		}
		if err != nil {
			break
		}
	}
	took := time.Since(began)
	return took, errors.Join(err, c.Close(), d.Close())
}
