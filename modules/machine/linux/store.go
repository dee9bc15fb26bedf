// Package linux is the machine that muster really changes: files, packages,
// units, users and groups of the node its agent runs on, the programs it runs
// there, the facts it reads and the lock it holds.
package linux

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"muster/modules/machine"
)

// Dir is where an agent keeps its own things on a node.
const Dir = "/var/lib/muster"

// Store is the real node. It is safe for concurrent reads; writes come one at a
// time, from the agent that holds the lock.
type Store struct {
	dir      string // muster's own folder
	root     string // "/" on a node, a temporary folder in tests
	key      []byte
	facts    machine.Facts
	accounts *accounts
	packages packager
	bus      *bus
	records  *records
	job      atomic.Int64          // last number given to a job of this process
	seen     func(op, name string) // of places, for tests
}

var _ machine.Store = (*Store)(nil)

// New opens the node. dir is muster's own folder (Dir); it is made if it is
// missing, and so is the digest key in it.
func New(dir string) (*Store, error) { return open(dir, "/") }

func open(dir, root string) (*Store, error) {
	if err := ownFolder(dir); err != nil {
		return nil, err
	}
	key, err := loadKey(filepath.Join(dir, "node.key"))
	if err != nil {
		return nil, err
	}
	facts, err := Facts(root, filepath.Join(dir, "lab"))
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, root: root, key: key, facts: facts, bus: &bus{}}
	s.accounts = &accounts{root: root, ask: s.getent}
	s.packages = &apt{store: s, dpkg: &dpkg{root: root}, dir: filepath.Join(dir, "apt")}
	s.records = &records{dir: filepath.Join(dir, "units"), found: map[string]record{}}
	return s, nil
}

// ownFolder makes muster's folder. Others may pass through it (apt fetches as the
// user _apt into a folder below) but not list it.
func ownFolder(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, "units"), filepath.Join(dir, "runs")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("state folder: %s: others may write to it", dir)
	}
	if info.Mode().Perm() == 0o711 {
		return nil
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// Close lets the connection to systemd go.
func (s *Store) Close() { s.bus.close() }

// Facts are the node's facts as read by New.
func (s *Store) Facts() machine.Facts { return s.facts }

// Get reads one key of a table of the operating system.
func (s *Store) Get(ctx context.Context, _ machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	switch ref.Table {
	case "file":
		return s.readFile(ref.Key, fields)
	case "package":
		return s.readPackage(ref.Key)
	case "package_candidate":
		return s.readCandidate(ctx, ref.Key)
	case "unit":
		return s.readUnit(ctx, ref.Key, fields)
	case "user":
		return s.readUser(ref.Key)
	case "group":
		return s.readGroup(ref.Key)
	case "hostname":
		return s.readHostname()
	case "name_service":
		return s.readName(ref.Key)
	}
	return nil, fmt.Errorf("%s: a Linux node has no such table", ref)
}

// Put writes items of one table, in their order; packages all at once.
func (s *Store) Put(ctx context.Context, table string, items []machine.Item, was []machine.State) error {
	one := map[string]func(context.Context, machine.Item, machine.State) error{
		"file": s.putFile, "unit": s.putUnit, "user": s.putUser, "group": s.putGroup, "hostname": s.putHostname,
	}[table]
	switch {
	case table == "package":
		return s.packages.apply(ctx, items, was)
	case one == nil:
		return fmt.Errorf("table %s: a Linux node cannot write it", table)
	}
	for i, it := range items {
		if err := one(ctx, it, was[i]); err != nil {
			return err
		}
	}
	return nil
}

// Download fetches the archives of packages that are going to be installed, so
// that a missing mirror is found before the first of them is changed. Items of
// other tables and removals are passed over.
func (s *Store) Download(ctx context.Context, items []machine.Item) error {
	return s.packages.download(ctx, items)
}
