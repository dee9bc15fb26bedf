package linux

import (
	"context"
	"errors"

	"muster/modules/machine"
)

// ErrStale: a package version that was planned is not offered any more.
var ErrStale = errors.New("plan is stale")

// packager is a distribution's package system.
type packager interface {
	// installed gives the version of an installed package ("" otherwise) and when it
	// was unpacked, in microseconds of Unix time.
	installed(name string) (version string, at int64, err error)
	// candidates gives what an installation would bring now; names that the package
	// system does not know are missing.
	candidates(ctx context.Context, names []string) (map[string]string, error)
	download(ctx context.Context, items []machine.Item) error
	apply(ctx context.Context, items []machine.Item, was []machine.State) error
}

func (s *Store) readPackage(name string) (machine.State, error) {
	version, _, err := s.packages.installed(name)
	if err != nil {
		return nil, &machine.Error{Object: "package[" + name + "]", Op: "read", Err: err}
	}
	if version == "" {
		return nil, nil
	}
	return machine.State{"version": machine.Text(version)}, nil
}

func (s *Store) readCandidate(ctx context.Context, name string) (machine.State, error) {
	found, err := s.packages.candidates(ctx, []string{name})
	if err != nil {
		return nil, &machine.Error{Object: "package[" + name + "]", Op: "candidate", Err: err}
	}
	version, ok := found[name]
	if !ok {
		return nil, nil
	}
	return machine.State{"version": machine.Text(version)}, nil
}
