package modtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"muster/modules"
)

// pendingSecret is a secret of arguments.json that a plan does not have yet.
type pendingSecret struct {
	Pending string `json:"pending"`
}

// config fills the module's configuration from the case's arguments.
func (c *testCase) config(m modules.Module, final bool) (modules.Config, error) {
	config := m.New()
	c.secrets = nil
	return config, c.fill(modules.SchemaOf(config), config, c.arguments, final)
}

func (c *testCase) fill(s modules.Schema, config any, args map[string]json.RawMessage, final bool) error {
	for name, raw := range args {
		a, ok := s.Arg(name)
		if !ok {
			return fmt.Errorf("%s: no such argument, there are %s", name, strings.Join(s.Names(), ", "))
		}
		if err := c.set(a, config, raw, final); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, a := range s.Args {
		if _, given := args[a.Name]; !given && (a.Required || a.Label) {
			return fmt.Errorf("%s: is required", a.Name)
		}
	}
	return nil
}

func (c *testCase) set(a modules.Arg, config any, raw json.RawMessage, final bool) error {
	switch a.Kind {
	case modules.KindString:
		return decode[string](a, config, raw)
	case modules.KindNumber:
		return decode[int](a, config, raw)
	case modules.KindBool:
		return decode[bool](a, config, raw)
	case modules.KindStrings:
		return decode[[]string](a, config, raw)
	case modules.KindMap:
		return decode[map[string]string](a, config, raw)
	case modules.KindHosts:
		return decode[[]modules.Host](a, config, raw)
	case modules.KindSecret:
		return c.setSecret(a, config, raw, final)
	case modules.KindBlock:
		return c.setBlocks(a, config, raw, final)
	}
	return fmt.Errorf("kind %q is not known here", a.Kind)
}

func decode[T any](a modules.Arg, config any, raw json.RawMessage) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	a.Set(config, v)
	return nil
}

// minSecret: a shorter one could stand in an output by chance.
const minSecret = 8

func (c *testCase) setSecret(a modules.Arg, config any, raw json.RawMessage, final bool) error {
	var value string
	var pending pendingSecret
	if json.Unmarshal(raw, &value) != nil {
		if err := json.Unmarshal(raw, &pending); err != nil {
			return err
		}
		value = pending.Pending
	}
	if len(value) < minSecret {
		return fmt.Errorf("a secret has at least %d bytes here", minSecret)
	}
	c.secrets = append(c.secrets, value)
	s := modules.Secret{Name: a.Name, Bytes: []byte(value)}
	if pending.Pending != "" && !final {
		s = modules.Secret{Name: a.Name, Pending: true}
	}
	a.Set(config, s)
	return nil
}

func (c *testCase) setBlocks(a modules.Arg, config any, raw json.RawMessage, final bool) error {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	for _, args := range list {
		b := a.Block.New()
		if err := c.fill(*a.Block, b, args, final); err != nil {
			return err
		}
		a.Append(config, b)
	}
	return nil
}
