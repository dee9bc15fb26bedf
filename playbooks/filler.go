package playbooks

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"muster/modules"
)

// hostFiller fills configurations for one host.
type hostFiller struct {
	binder  *binder
	index   int32
	host    cty.Value // made when first needed
	pending bool
}

func (f *hostFiller) hosts(set hostSet) []modules.Host { return f.binder.view.argument(set) }

func (f *hostFiller) secret(s modules.Secret) (modules.Secret, error) {
	if s.Name == "" {
		return s, nil // a sensitive variable
	}
	b := f.binder
	full, ok := b.secrets[s.Name]
	if !ok {
		if b.store == nil {
			return s, fmt.Errorf("secret %q: no secrets are opened", s.Name)
		}
		value, pending, err := b.store.Value(s.Name)
		if err != nil {
			return s, err
		}
		full = modules.Secret{Name: s.Name, Bytes: value, Pending: pending}
		b.secrets[s.Name] = full
	}
	f.pending = f.pending || full.Pending
	return full, nil
}

func (f *hostFiller) late(l lateSetting) (any, error) {
	v, err := f.value(l.expr)
	if err != nil {
		return nil, err
	}
	value, err := f.binder.fleet.decode(l.arg.Kind, v)
	if err != nil {
		return nil, fmt.Errorf("argument %s: %w", l.arg.Name, err)
	}
	return value, nil
}

// key is what an expression depends on of the host; ok is false when that is too much
// to be said.
func (f *hostFiller) key(r *refs) (key string, ok bool) {
	switch {
	case !r.host:
		return "", true
	case r.whole:
		return "", false
	}
	key, ok = f.binder.view.key(r.paths, f.index)
	return key, ok
}

// value evaluates an expression for the host.
func (f *hostFiller) value(e *expression) (cty.Value, error) {
	b := f.binder
	name := b.fleet.inv.Hosts[f.index].Name
	if _, ok := b.view.facts[name]; !ok && e.refs.facts {
		return cty.DynamicVal, fmt.Errorf("the facts of host %s are needed, and it was never reached", name)
	}
	if e.refs.host && !e.refs.whole {
		if host, ok := b.view.part(e.refs.paths, f.index); ok {
			if v, diags := e.late(b.view, host); !diags.HasErrors() {
				return v, nil
			}
			// Once more with the whole host, which says what it has instead.
		}
	}
	if f.host == cty.NilVal && e.refs.host {
		f.host = b.view.host(f.index)
	}
	host := cty.NilVal
	if e.refs.host {
		host = f.host
	}
	v, diags := e.late(b.view, host)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return v, nil
}
