package linux

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

const hostnameFile = "/etc/hostname"

// readHostname gives the static host name: the first line of /etc/hostname that is
// no comment.
func (s *Store) readHostname() (machine.State, error) {
	p, err := find(s.root, hostnameFile)
	if err != nil {
		return nil, fileError(hostnameFile, "read", err)
	}
	defer p.close()
	text, err := p.content()
	if absent(err) {
		return machine.State{"name": machine.Text("")}, nil
	} else if err != nil {
		return nil, fileError(hostnameFile, "read", err)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return machine.State{"name": machine.Text(line)}, nil
		}
	}
	return machine.State{"name": machine.Text("")}, nil
}

// putHostname writes the file and tells the kernel.
func (s *Store) putHostname(ctx context.Context, it machine.Item, _ machine.State) error {
	name := it.Want.Get("name").S
	if name == "" || len(name) > 64 || strings.ContainsAny(name, " \t\n/#") {
		return &machine.Error{Object: it.Ref.String(), Op: "write", Err: fmt.Errorf("%q is no host name", name)}
	}
	file := machine.Ref{Table: "file", Key: hostnameFile}
	was, err := s.readFile(hostnameFile, []string{"content"})
	if err != nil {
		return err
	}
	want := machine.State{"type": machine.Text("file"), "content": machine.Text(name + "\n")}
	if err := s.putFile(ctx, machine.Item{Ref: file, Want: want}, was); err != nil {
		return err
	}
	if s.root != "/" {
		return nil
	}
	// Where systemd-hostnamed keeps a copy, it is told as well; a node without it
	// has none to keep.
	_ = s.bus.setHostname(ctx, name)
	if err := unix.Sethostname([]byte(name)); err != nil && !errors.Is(err, unix.EPERM) {
		return &machine.Error{Object: it.Ref.String(), Op: "set", Err: err}
	}
	return nil
}
