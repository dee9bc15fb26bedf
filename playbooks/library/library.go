// Package library holds the playbooks that muster ships, as the files they are.
package library

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.hcl
var files embed.FS

// Names lists the playbooks, sorted: "slurm-cluster".
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("library: the embedded folder cannot be listed: " + err.Error())
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".hcl"))
	}
	return names
}

// Read gives the text of a playbook by its name.
func Read(name string) ([]byte, error) {
	text, err := files.ReadFile(name + ".hcl")
	if err != nil {
		return nil, fmt.Errorf("playbook %q: not one that muster ships: %s", name, strings.Join(Names(), ", "))
	}
	return text, nil
}
