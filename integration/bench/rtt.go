package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"
)

const (
	rttTrip  = 50 * time.Millisecond
	rttTrips = 10            // the goal
	rttHost  = "node01"      // a name that both kinds of lab have
	rttKnown = "proxy_hosts" // the host keys as seen through the proxy
)

// rtt counts the round trips of an apply that has nothing to do, over a link on which
// one takes 50 ms. A proxy delays a node's sshd; with the same proxy and no delay the
// rest of the time is measured, so
//
//	trips(x) = (time of x with the delay − time of x without) / 50 ms
//
// and rtt_noop = trips(apply) − trips(handshake), where the handshake is a plain SSH
// client's: versions, key exchange, authentication, up to where a session could be
// opened. TCP's own handshake ends at the proxy, and is in neither. Of all rounds the
// fastest counts, since whatever disturbs one makes it slower.
//
// The node is a container with OpenSSH, or a simulated one where there is no Docker.
func rtt(ctx context.Context, o options) (figures []Figure, err error) {
	dir, err := os.MkdirTemp("", "muster-rtt-")
	if err != nil {
		return nil, err
	}
	s := &rttSite{o: o, dir: dir}
	defer func() { err = errors.Join(err, s.down(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }()
	if err := s.up(ctx); err != nil {
		return nil, err
	}
	rounds := 9
	if o.short {
		rounds = 5
	}
	near, far, err := s.rounds(ctx, rounds)
	if err != nil {
		return nil, err
	}
	trips := func(near, far []float64) float64 {
		return (slices.Min(far) - slices.Min(near)) / rttTrip.Seconds()
	}
	handshake, apply := trips(near.hands, far.hands), trips(near.apply, far.apply)
	return []Figure{
		note("rtt_handshake", handshake, "round trips"), note("rtt_apply", apply, "round trips"),
		atMost("rtt_noop", apply-handshake, "round trips", rttTrips),
		note("rtt_apply_near_s", slices.Min(near.apply), "s"), note("rtt_apply_far_s", slices.Min(far.apply), "s"),
	}, nil
}

// rttTimes are what a way took, round by round, in seconds.
type rttTimes struct{ hands, apply []float64 }
