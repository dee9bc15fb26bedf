package sim

import (
	"fmt"
	"net"
)

// OpenNode brings back a node that CloseNode has ended, at its address, as it was when
// it was closed. A node that is open stays as it is; a name that no node has is an error.
func (f *Fleet) OpenNode(name string) error {
	for i, s := range f.servers {
		if s.name == name {
			return s.reopen(fmt.Sprintf("%s:%d", Address(i), f.Port))
		}
	}
	return fmt.Errorf("node %s: there is none of this name", name)
}

func (s *server) reopen(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("node %s: %w", s.name, err)
	}
	s.listener, s.closed = l, false
	s.fleet.wg.Go(func() { s.accept(s.fleet.ctx, l) })
	return nil
}
