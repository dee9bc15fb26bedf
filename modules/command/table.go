package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/modules/machine"
)

// table holds commands by the text of their argv. A state has two kinds of
// fields. "creates PATH" and "unless ARGV" are true once there is nothing to do;
// "run PROGRAM" is always true and only carries the program to Write, which gets
// no more than a key and fields. That makes a command a state like any other:
// what another step has done meanwhile counts as brought, not as a deviation.
type table struct{}

// Name is the table's name.
func (table) Name() string { return "command" }

// unlessTimeout: a plan waits for it on every node.
const unlessTimeout = time.Minute

// Read says which of the fields are true.
func (table) Read(ctx context.Context, m machine.Machine, _ string, fields []string) (machine.State, error) {
	s := machine.State{}
	for _, f := range fields {
		kind, rest, _ := strings.Cut(f, " ")
		v, err := read(ctx, m, kind, rest)
		if err != nil {
			return nil, err
		}
		s[f] = v
	}
	return s, nil
}

func read(ctx context.Context, m machine.Machine, kind, rest string) (machine.Value, error) {
	switch kind {
	case "run":
		return machine.Bool(true), nil
	case "creates":
		s, err := m.Read(ctx, machine.Ref{Table: "file", Key: rest}, "type")
		if s.Unknown() {
			return machine.Unknown(s.Get("type").Why), err
		}
		return machine.Bool(s != nil), err
	case "unless":
		return unless(ctx, m, rest)
	}
	return machine.Value{}, fmt.Errorf("command: no field %q", kind)
}

func unless(ctx context.Context, m machine.Machine, rest string) (machine.Value, error) {
	q := machine.Query{Timeout: unlessTimeout}
	if err := json.Unmarshal([]byte(rest), &q.Argv); err != nil {
		return machine.Value{}, err
	}
	for exit := 1; exit < 256; exit++ {
		q.OK = append(q.OK, exit)
	}
	r, err := m.Query(ctx, q)
	if err != nil || r.Unknown {
		return machine.Unknown(r.Why), err
	}
	return machine.Bool(r.Exit == 0), nil
}

// Write runs the program.
func (table) Write(ctx context.Context, run machine.Runner, key string, _, want machine.State) error {
	for f := range want {
		rest, ok := strings.CutPrefix(f, "run ")
		if !ok {
			continue
		}
		var p program
		if err := json.Unmarshal([]byte(rest), &p); err != nil {
			return err
		}
		r := p.run()
		r.Name = key
		_, err := run(ctx, r)
		return named(key, err)
	}
	return fmt.Errorf("command: %s: no program in the wanted state", key)
}

// named puts the command's own name on an error of the program.
func named(key string, err error) error {
	e := (*machine.Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	own := *e
	own.Object, own.Op = "command["+key+"]", "run"
	return &own
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("cannot happen: strings do not encode: " + err.Error())
	}
	return string(b)
}
