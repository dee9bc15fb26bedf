package modules

import (
	"context"
	"errors"
	"path"

	"muster/modules/machine"
)

// FileItem is a regular file with the given content. Mode is four octal digits;
// owner and group are names. An empty mode, owner or group is left as it is.
func FileItem(path, content, mode, owner, group string) machine.Item {
	return fileItem(path, machine.State{"type": machine.Text("file"), "content": machine.Text(content)}, mode, owner, group)
}

// SecretFileItem is FileItem with a content that stays on the node.
func SecretFileItem(path string, content Secret, mode, owner, group string) machine.Item {
	return fileItem(path, machine.State{"type": machine.Text("file"), "content": content.Value()}, mode, owner, group)
}

// DirItem is a directory. Its parents have to exist: see ParentItems.
func DirItem(path, mode, owner, group string) machine.Item {
	return fileItem(path, machine.State{"type": machine.Text("directory")}, mode, owner, group)
}

// LinkItem is a symbolic link.
func LinkItem(path, target, owner, group string) machine.Item {
	return fileItem(path, machine.State{"type": machine.Text("link"), "target": machine.Text(target)}, "", owner, group)
}

func fileItem(path string, want machine.State, mode, owner, group string) machine.Item {
	for field, v := range map[string]string{"mode": mode, "owner": owner, "group": group} {
		if v != "" {
			want[field] = machine.Text(v)
		}
	}
	return machine.Item{Ref: machine.Ref{Table: "file", Key: path}, Want: want}
}

// AbsentItem asks that the key is not in the table.
func AbsentItem(table, key string) machine.Item {
	return machine.Item{Ref: machine.Ref{Table: table, Key: key}}
}

// ParentItems lists the missing directories above a path, the highest first, for
// the same Set as the path itself. They say nothing of mode and owner, so that a
// directory which a package brings meanwhile stays as the package made it; one
// that has to be made gets 0755 and root.
func ParentItems(ctx context.Context, m machine.Machine, file string) ([]machine.Item, error) {
	var out []machine.Item
	for dir := path.Dir(file); dir != "/" && dir != "."; dir = path.Dir(dir) {
		s, err := m.Read(ctx, machine.Ref{Table: "file", Key: dir}, "type")
		if err != nil {
			return nil, err
		}
		if s != nil {
			break
		}
		out = append([]machine.Item{DirItem(dir, "", "", "")}, out...)
	}
	return out, nil
}

// ReadText reads type and content of a file that a module is to edit; nil for one
// that is not there. A link or a directory in its place is an error: writing there
// would replace it.
func ReadText(ctx context.Context, m machine.Machine, path string) (machine.State, error) {
	s, err := m.Read(ctx, machine.Ref{Table: "file", Key: path}, "type", "content")
	if err != nil || s == nil {
		return nil, err
	}
	if kind := s.Get("type"); !kind.Unknown && kind.S != "file" {
		return nil, &machine.Error{
			Object: "file[" + path + "]", Op: "edit", Err: errNotFile,
			Hint: "it is a " + kind.S + "; name the file that it stands for",
		}
	}
	return s, nil
}

var errNotFile = errors.New("not a regular file")

// errNoCandidate is the cause when a package name is in none of the sources.
var errNoCandidate = errors.New("no candidate in the node's package sources")

// EnsurePackages installs those of the packages that are not there, all in one
// go, at the version the node's sources offer now. An installed one stays at its
// version.
func EnsurePackages(ctx context.Context, m machine.Machine, names ...string) error {
	var items []machine.Item
	for _, name := range names {
		s, err := m.Read(ctx, machine.Ref{Table: "package", Key: name}, "version")
		if err != nil {
			return err
		}
		if s != nil {
			continue
		}
		c, err := m.Read(ctx, machine.Ref{Table: "package_candidate", Key: name}, "version")
		if err != nil {
			return err
		}
		if c == nil {
			return &machine.Error{
				Object: "package[" + name + "]", Err: errNoCandidate,
				Hint: "check the name, or add the repository that holds it in an earlier step",
			}
		}
		items = append(items, machine.Item{Ref: machine.Ref{Table: "package", Key: name}, Want: machine.State{"version": c.Get("version")}})
	}
	if len(items) == 0 {
		return nil
	}
	return m.Set(ctx, items...)
}
