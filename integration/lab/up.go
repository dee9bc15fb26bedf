package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// startWidth is how many nodes are started side by side; more only makes each slower.
	startWidth = 8
	// removeTime bounds the removal of a lab that did not come up.
	removeTime = 2 * time.Minute
)

// Up makes a lab, or takes one over that has the same nodes and starts those that are
// stopped. If it fails to make one or ctx ends meanwhile, it removes everything it made
// before it returns.
func Up(ctx context.Context, o Options) (*Lab, error) {
	specs, err := expand(o.Nodes)
	if err != nil {
		return nil, err
	}
	dir, err := folder(o.Name, o.Dir)
	if err := errors.Join(checkName(o.Name), err); err != nil {
		return nil, err
	}
	if _, err := reachDaemon(ctx); err != nil {
		return nil, err
	}
	release, err := lockLab(o.Name)
	if err != nil {
		return nil, err
	}
	defer release()
	lab := &Lab{Name: o.Name, Dir: dir, log: o.Log}
	image, err := lab.ensureImage(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, interrupted("no lab was made")
	}
	if err != nil {
		return nil, err
	}
	if found, err := lab.reuse(ctx, specs, image); found || err != nil {
		return lab, err
	}
	if err := claimFolder(o.Name, dir); err != nil {
		return nil, err
	}
	if err := lab.assemble(ctx, specs, image); err != nil {
		undone := lab.undo(ctx)
		if errors.Is(ctx.Err(), context.Canceled) && undone == nil {
			return nil, interrupted("what was made is removed")
		}
		return nil, errors.Join(err, undone)
	}
	return lab, nil
}

// interrupted is the context.Canceled of an Up, and says what is left.
type interrupted string

func (i interrupted) Error() string { return "interrupted: " + string(i) }

func (interrupted) Unwrap() error { return context.Canceled }

// reuse finds a lab of that name: true if it runs and is what was asked for, an
// error if it is anything else.
func (l *Lab) reuse(ctx context.Context, specs []NodeSpec, image string) (bool, error) {
	old, err := Open(ctx, l.Name, l.log)
	if errors.Is(err, ErrNoLab) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if why := old.differs(specs, image, l.Dir); why != "" {
		return false, fmt.Errorf("lab %s: exists already, %s: remove it with `muster lab down --name %s`", l.Name, why, l.Name)
	}
	l.Nodes = old.Nodes
	if err := l.revive(ctx); err != nil {
		return false, fmt.Errorf("lab %s: %w: start it again or remove it with `muster lab down --name %s`", l.Name, err, l.Name)
	}
	l.say("lab %s is up already with these nodes and is used as it is", l.Name)
	return true, nil
}

// revive starts the nodes of a lab that do not run.
func (l *Lab) revive(ctx context.Context) error {
	for i, node := range l.Nodes {
		if node.State == "running" {
			continue
		}
		l.say("node %s is %s: starting it", node.Name, node.State)
		wake := l.Start
		if node.State == "paused" {
			wake = l.Unpause
		}
		if err := wake(ctx, node.Name); err != nil {
			return fmt.Errorf("node %s is %s: %w", node.Name, node.State, err)
		}
		l.Nodes[i].State = "running"
	}
	return nil
}

// differs says how the lab is not what is asked for, or "".
func (l *Lab) differs(specs []NodeSpec, image, dir string) string {
	same := func(node Node, spec NodeSpec) bool {
		return node.Name == spec.Name && slices.Equal(node.Groups, spec.Groups)
	}
	if !slices.EqualFunc(l.Nodes, specs, same) {
		return "with other nodes or groups"
	}
	if l.Dir != dir {
		return "in the folder " + l.Dir
	}
	for _, node := range l.Nodes {
		if node.Image != image {
			return "made from an older image"
		}
	}
	if _, err := os.Stat(l.Inventory()); err != nil {
		return "without its inventory (an `up` was killed)"
	}
	return ""
}

// assemble makes everything of a new lab; the inventory comes last, so that it marks a
// lab that is complete.
func (l *Lab) assemble(ctx context.Context, specs []NodeSpec, image string) error {
	subnet, err := ensureNetwork(ctx, l.Name, l.Dir)
	if err != nil {
		return err
	}
	if err := l.raiseInotify(ctx); err != nil {
		return err
	}
	nodes := make([]Node, len(specs))
	for i, spec := range specs {
		nodes[i] = Node{Name: spec.Name, Groups: spec.Groups, Image: image, Address: hostAddress(subnet, i)}
	}
	l.say("starting %s in %s", countNodes(len(nodes)), subnet)
	started := time.Now()
	if err := l.addNodes(ctx, nodes); err != nil {
		return err
	}
	l.say("%s up after %.1f s: %s", countNodes(len(nodes)), time.Since(started).Seconds(), l.Inventory())
	return nil
}

func countNodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// AddNode adds one node to a running lab and to its inventory.
func (l *Lab) AddNode(ctx context.Context, spec NodeSpec) (Node, error) {
	specs, err := expand([]NodeSpec{spec})
	if err != nil {
		return Node{}, err
	}
	if len(specs) != 1 {
		return Node{}, fmt.Errorf("node %s: add one at a time", spec.Name)
	}
	if _, there := l.Node(spec.Name); there {
		return Node{}, fmt.Errorf("node %s: lab %s has one", spec.Name, l.Name)
	}
	release, err := lockLab(l.Name)
	if err != nil {
		return Node{}, err
	}
	defer release()
	image, err := l.ensureImage(ctx)
	if err != nil {
		return Node{}, err
	}
	subnet, err := networkSubnet(ctx, l.Name)
	if err != nil {
		return Node{}, err
	}
	node := Node{Name: spec.Name, Groups: specs[0].Groups, Image: image, Address: l.freeAddress(subnet)}
	if node.Address == "" {
		return Node{}, fmt.Errorf("node %s: lab %s holds %d nodes already", spec.Name, l.Name, maxNodes)
	}
	if err := l.addNodes(ctx, []Node{node}); err != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
		defer cancel()
		return Node{}, errors.Join(err, removeContainers(late, l.Name, labelNode+"="+node.Name))
	}
	return node, nil
}

func (l *Lab) freeAddress(subnet netip.Prefix) string {
	for place := range maxNodes {
		address := hostAddress(subnet, place)
		if !slices.ContainsFunc(l.Nodes, func(n Node) bool { return n.Address == address }) {
			return address
		}
	}
	return ""
}

// addNodes starts nodes, waits until each is in service and writes the lab's files.
func (l *Lab) addNodes(ctx context.Context, nodes []Node) error {
	found, err := reachDaemon(ctx)
	if err != nil {
		return err
	}
	keys, err := ensureAccess(l.Name, l.Dir)
	if err != nil {
		return err
	}
	cache, err := cacheDir("apt")
	if err != nil {
		return err
	}
	work, each := errgroup.WithContext(ctx)
	work.SetLimit(startWidth)
	for i := range nodes {
		work.Go(func() error {
			if err := l.startNode(each, nodes[i], found, cache); err != nil {
				return fmt.Errorf("node %s: %w", nodes[i].Name, err)
			}
			if err := l.admit(each, nodes[i], keys); err != nil {
				return fmt.Errorf("node %s: %w", nodes[i].Name, err)
			}
			nodes[i].State = "running"
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	all := slices.Concat(l.Nodes, nodes)
	slices.SortFunc(all, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	if err := l.writeFiles(ctx, all); err != nil {
		return err
	}
	l.Nodes = all
	return nil
}

// undo removes what a failed Up made, also after ctx has ended.
func (l *Lab) undo(ctx context.Context) error {
	l.say("lab %s did not come up: removing what was made", l.Name)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	return remove(late, l.Name, l.Dir, l.log)
}

// claimFolder makes the lab's folder and refuses one that holds someone's inventory.
func claimFolder(name, dir string) error {
	path := filepath.Join(dir, FileInventory)
	if text, err := os.ReadFile(path); err == nil && !ownInventory(string(text)) {
		return fmt.Errorf("lab %s: %s is not a lab's: give another folder", name, path)
	}
	return os.MkdirAll(dir, 0o755)
}
