package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// Down removes a lab: its containers, networks and volumes by label, and the files
// that Up and muster wrote into its folder. dir is needed only for a lab of which
// Docker knows nothing any more; "" is ./.muster-lab/NAME. A lab that is not there
// is no error; log is told.
func Down(ctx context.Context, name, dir string, log func(string)) error {
	lab, err := Open(ctx, name, log)
	missing := errors.Is(err, ErrNoLab)
	if missing {
		lab = &Lab{Name: name, log: log}
		lab.Dir, err = folder(name, dir)
	}
	if err != nil {
		return err
	}
	release, err := lockLab(name)
	if err != nil {
		return err
	}
	defer release()
	there := true
	if missing {
		if there, err = lab.remains(ctx); err != nil {
			return err
		}
	}
	lab.harvest(ctx)
	if err := remove(ctx, name, lab.Dir, log); err != nil {
		return err
	}
	if there {
		lab.say("lab %s is removed", name)
	} else {
		lab.say("there is no lab %s", name)
	}
	return nil
}

// remains says whether there is something of a lab that has no network: a container,
// or its inventory.
func (l *Lab) remains(ctx context.Context) (bool, error) {
	if text, err := os.ReadFile(l.Inventory()); err == nil && ownInventory(string(text)) {
		return true, nil
	}
	nodes, err := listNodes(ctx, l.Name)
	return len(nodes) > 0, err
}

// remove takes a lab away whatever state it is in, and goes on after an error.
func remove(ctx context.Context, name, dir string, log func(string)) error {
	errs := []error{
		removeContainers(ctx, name),
		removeKind(ctx, name, "network"),
		removeKind(ctx, name, "volume"),
		removeFiles(name, dir),
	}
	lab := &Lab{Name: name, log: log}
	errs = append(errs, lab.lowerInotify(ctx))
	return errors.Join(errs...)
}

// removeContainers removes the lab's containers that carry all labels, with their
// unnamed volumes. It looks again until there are none: a docker command of a killed
// `up` may still be starting one.
func removeContainers(ctx context.Context, name string, labels ...string) error {
	filter := []string{"ps", "-aq", "--filter", "label=" + labelOf(name)}
	for _, label := range labels {
		filter = append(filter, "--filter", "label="+label)
	}
	return poll(ctx, func() (bool, error) {
		ids, err := dockerLines(ctx, filter...)
		if err != nil || len(ids) == 0 {
			return err == nil, err
		}
		_, err = docker(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...)
		return false, err
	})
}

// removeKind removes the lab's networks or volumes.
func removeKind(ctx context.Context, name, kind string) error {
	ids, err := dockerLines(ctx, kind, "ls", "-q", "--filter", "label="+labelOf(name))
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = docker(ctx, append([]string{kind, "rm"}, ids...)...)
	return err
}

// removeFiles removes the lab's files from its folder, with what muster kept about
// the lab's hosts beside its inventory, and the folder if nothing else is in it.
func removeFiles(name, dir string) error {
	path := filepath.Join(dir, FileInventory)
	if text, err := os.ReadFile(path); err == nil && !ownInventory(string(text)) {
		return nil // someone's own inventory: then the rest is not ours either
	}
	errs := []error{}
	for _, file := range []string{FileInventory, FileKey, filePublicKey, FileKnownHosts, FilePassword, FileSSHConfig} {
		for _, path := range []string{filepath.Join(dir, file), filepath.Join(dir, file+".new")} {
			if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	errs = append(errs, os.RemoveAll(filepath.Join(dir, ".muster", name)))
	// Only empty folders go; what else lies there is its owner's.
	_ = os.Remove(filepath.Join(dir, ".muster"))
	_ = os.Remove(dir)
	if filepath.Base(filepath.Dir(dir)) == ".muster-lab" {
		_ = os.Remove(filepath.Dir(dir))
	}
	return errors.Join(errs...)
}
