package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "development"

func (a *app) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of muster and of the agents it carries",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			a.noEvents()
			fmt.Fprintf(a.out, "muster %s %s/%s %s%s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version(), revision())
			agents, err := packedAgents()
			if err != nil {
				return err
			}
			for _, arch := range []string{"amd64", "arm64"} {
				digest, _, err := agents.Agent(arch)
				if err != nil {
					digest = "not built in"
				}
				fmt.Fprintf(a.out, "agent linux/%s %s\n", arch, digest)
			}
			return nil
		},
	}
}

// revision is the commit that this was built from, where Go knows it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}
