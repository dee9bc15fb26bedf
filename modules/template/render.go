package template

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxOutput is the largest rendered file in bytes, the size of a whole
// configuration on the wire.
const maxOutput = 1 << 20

// limited is a writer that refuses more than maxOutput.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("the result is larger than %d bytes", maxOutput)
	}
	return l.Buffer.Write(p)
}

// render gives the file's content. Errors say where in the template they are.
func (c *Config) render() (string, error) {
	text, err := c.execute()
	if err != nil {
		// text/template begins with its own name and the template's.
		if at, ok := strings.CutPrefix(err.Error(), "template: "+c.Path+":"); ok {
			err = errors.New("line " + at)
		}
	}
	return text, err
}

func (c *Config) execute() (string, error) {
	t, err := template.New(c.Path).Funcs(functions()).Option("missingkey=error").Parse(c.Template)
	if err != nil {
		return "", err
	}
	for _, sub := range t.Templates() {
		if sub.Name() != t.Name() {
			return "", fmt.Errorf("define is not available here (%q)", sub.Name())
		}
	}
	if t.Tree != nil {
		if err := bound(t.Root, false); err != nil {
			return "", err
		}
	}
	vars := maps.Clone(c.Vars)
	if vars == nil {
		vars = map[string]string{}
	}
	if !c.Secret.IsZero() {
		vars["secret"] = string(c.Secret.Bytes)
	}
	var out limited
	if err := t.Execute(&out, vars); err != nil {
		return "", err
	}
	return out.String(), nil
}

// bound refuses what could run without end: ranges over anything but the
// arguments, and templates that call each other. In a with, the dot can be a
// number, over which a range would count.
func bound(n parse.Node, inWith bool) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, sub := range n.Nodes {
			if err := bound(sub, inWith); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return branches(&n.BranchNode, inWith)
	case *parse.WithNode:
		return branches(&n.BranchNode, true)
	case *parse.RangeNode:
		if !bounded(n.Pipe, inWith) {
			return fmt.Errorf("range goes over . outside of a with, or over a split; not over %s", n.Pipe)
		}
		return branches(&n.BranchNode, inWith)
	case *parse.TemplateNode:
		return errors.New("template is not available here")
	}
	return nil
}

func branches(b *parse.BranchNode, inWith bool) error {
	if err := bound(b.List, inWith); err != nil {
		return err
	}
	return bound(b.ElseList, inWith)
}

func bounded(p *parse.PipeNode, inWith bool) bool {
	if len(p.Cmds) != 1 {
		return false
	}
	switch first := p.Cmds[0].Args[0].(type) {
	case *parse.DotNode:
		return !inWith
	case *parse.IdentifierNode:
		return first.Ident == "split"
	}
	return false
}
