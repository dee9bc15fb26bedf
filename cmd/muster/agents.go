package main

import (
	"embed"
	"io/fs"

	"muster/transport"
)

// agentFiles are the agents that `make build` packs; a controller that was built
// without them says so when it first needs one.
//
//go:embed all:agents
var agentFiles embed.FS

func packedAgents() (transport.Agents, error) {
	dir, err := fs.Sub(agentFiles, "agents")
	if err != nil {
		return nil, err
	}
	return transport.FromFS(dir), nil
}
