package playbooks

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"muster/inventory/lang"
	"muster/modules"
	"muster/modules/machine"
	"muster/playbooks/program"
)

// secretStore is where the bytes of secrets come from.
type secretStore interface {
	Value(name string) (value []byte, pending bool, err error)
	Generate(name string) ([]byte, error)
}

// binder evaluates what had to wait for facts. Whatever does not depend on the
// host is evaluated and encoded once for each set of facts; what depends on some parts
// of it, once for all hosts that have these alike.
type binder struct {
	fleet *fleet
	steps []*step
	hosts []boundHost
	store secretStore // nil: there is none

	mu      sync.Mutex
	view    *view
	facts   uintptr // identity of the map in view
	shared  map[likeness]encoded
	whens   map[likeness]bool
	texts   map[string][]byte // equal configurations, kept once
	secrets map[string]modules.Secret
}

type boundHost struct {
	index    int32 // in the inventory
	vertices []int32
	steps    []*step // of each vertex
}

// likeness is a step and what it depends on of a host: "" for nothing.
type likeness struct {
	step *step
	key  string
}

// encoded is a configuration as it travels.
type encoded struct {
	config  []byte
	pending bool
}

func newBinder(c *compiler, p *program.Program) *binder {
	b := &binder{fleet: c.fleet, steps: c.steps, hosts: make([]boundHost, len(p.Hosts)), secrets: map[string]modules.Secret{}}
	if c.o.Secrets != nil {
		b.store = c.o.Secrets
	}
	for i, h := range p.Hosts {
		b.hosts[i].index = c.fleet.index[h.Name]
	}
	for v, x := range p.Vertices {
		h := &b.hosts[x.Host]
		h.vertices = append(h.vertices, int32(v))
		h.steps = append(h.steps, c.steps[x.Step])
	}
	return b
}

// Requests evaluates the vertices of a host in the order they run. The facts must
// not change while they are in use: new ones come in a new map. The error is all
// diagnostics of the host as text.
func (b *binder) Requests(host int32, facts map[string]machine.Facts) ([]program.Request, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id := reflect.ValueOf(facts).Pointer(); b.view == nil || b.facts != id || len(b.view.facts) != len(facts) {
		b.fresh(facts, id)
	}
	h := b.hosts[host]
	f := &hostFiller{binder: b, index: h.index}
	out := make([]program.Request, 0, len(h.vertices))
	var diags hcl.Diagnostics
	for i, v := range h.vertices {
		r, err := b.request(h.steps[i], f)
		if err != nil {
			diags = append(diags, at(err, h.steps[i].def.block.DefRange()).(hcl.Diagnostics)...)
			continue
		}
		r.Vertex = v
		out = append(out, r)
	}
	if diags.HasErrors() {
		return nil, &BindError{b.fleet.inv.Hosts[h.index].Name, diags}
	}
	return out, nil
}

// fresh forgets what was evaluated with other facts.
func (b *binder) fresh(facts map[string]machine.Facts, id uintptr) {
	b.view, b.facts = &view{fleet: b.fleet, bound: true, facts: facts}, id
	b.shared, b.whens, b.texts = map[likeness]encoded{}, map[likeness]bool{}, map[string][]byte{}
}

func (b *binder) request(s *step, f *hostFiller) (program.Request, error) {
	if s.when != nil {
		yes, err := b.condition(s, f)
		if err != nil {
			return program.Request{}, err
		}
		if !yes {
			return program.Request{Skip: "when is false (" + lang.Where(s.when.hcl.Range()) + ")"}, nil
		}
	}
	e, err := b.config(s, f)
	return program.Request{Config: e.config, Pending: e.pending}, err
}

func (b *binder) condition(s *step, f *hostFiller) (bool, error) {
	key, ok := f.key(s.when.refs)
	if yes, known := b.whens[likeness{s, key}]; ok && known {
		return yes, nil
	}
	v, err := f.value(s.when)
	if err != nil {
		return false, err
	}
	yes, err := truth(v)
	if err != nil {
		return false, at(fmt.Errorf("when: %w", err), s.when.hcl.Range())
	}
	if ok {
		b.whens[likeness{s, key}] = yes
	}
	return yes, nil
}

// config builds and encodes a step's configuration for the host of f.
func (b *binder) config(s *step, f *hostFiller) (encoded, error) {
	key, ok := f.key(s.body.needs())
	if e, known := b.shared[likeness{s, key}]; ok && known {
		return e, nil
	}
	config := s.def.module.New()
	f.pending = false
	if err := s.body.fill(config, f); err != nil {
		return encoded{}, err
	}
	if s.body.isLate() {
		if d := s.body.invalid(config); d != nil {
			return encoded{}, hcl.Diagnostics{d}
		}
	}
	text, err := modules.Encode(config)
	if err != nil {
		return encoded{}, err
	}
	e := encoded{config: b.once(text), pending: f.pending}
	if ok {
		b.shared[likeness{s, key}] = e
	}
	return e, nil
}

// once keeps equal configurations in one place.
func (b *binder) once(text []byte) []byte {
	if same, ok := b.texts[string(text)]; ok {
		return same
	}
	b.texts[string(text)] = text
	return text
}

// Materialise makes the secrets that were pending in any request so far. The
// requests are asked for again afterwards.
func (b *binder) Materialise(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, s := range b.secrets {
		if !s.Pending {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := b.store.Generate(name)
		if err != nil {
			return err
		}
		b.secrets[name] = modules.Secret{Name: name, Bytes: value}
	}
	b.view = nil
	return nil
}
