package linux

import (
	"context"
	"fmt"
	"time"
)

// Adopt waits for the jobs that still live, such as an installation whose agent
// lost its connection, and names their units. Those of other runs count as well:
// the lock of a run ends with its agent, and its jobs may outlive it. Nothing may
// be read of the node before it has returned: the jobs are changing it.
func (s *Store) Adopt(ctx context.Context) ([]string, error) {
	if !booted() {
		return nil, nil
	}
	names, err := s.bus.names(ctx, "muster-*-*.service")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		say(ctx, "waiting for "+name)
		if err := s.gone(ctx, name); err != nil {
			return names, fmt.Errorf("adopt %s: %w", name, err)
		}
	}
	return names, nil
}

func (s *Store) gone(ctx context.Context, name string) error {
	for {
		u, err := s.bus.unit(ctx, name)
		if err != nil {
			return err
		}
		if !u.live() {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
