package linux

import (
	"context"
	"fmt"
	"time"
)

// Adopt waits for the jobs of a run that still live, such as an installation whose
// agent lost its connection, and names their units. Nothing may be read of the
// node for that run before it has returned: the jobs are changing it.
func (s *Store) Adopt(ctx context.Context, run string) ([]string, error) {
	if !booted() {
		return nil, nil
	}
	names, err := s.bus.names(ctx, "muster-"+unitWord(run, 80)+"-*.service")
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
