package inventory

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// connect turns the values of a host, lowest precedence already overwritten,
// into its connection. The values are checked when they are read.
func connect(vars map[string]Var, dir string) Connection {
	c := Connection{Port: 22, Agent: true, HostKeyPolicy: "strict"}
	for name, v := range vars {
		value := v.Value
		switch name {
		case "user":
			c.User = value.AsString()
		case "port":
			port, _ := value.AsBigFloat().Int64()
			c.Port = int(port)
		case "identity":
			for _, p := range stringList(value) {
				c.Identity = append(c.Identity, absPath(p, dir))
			}
		case "agent":
			c.Agent = value.True()
		case "jump":
			c.Jump = stringList(value)
		case "become":
			c.Become = value.True()
		case "become_password":
			ref := *(value.EncapsulatedValue().(*lang.SecretRef))
			c.BecomePassword = &ref
		case "known_hosts":
			c.KnownHosts = absPath(value.AsString(), dir)
		case "host_keys":
			c.HostKeys = stringList(value)
		case "host_key_policy":
			c.HostKeyPolicy = value.AsString()
		case "local":
			c.Local = value.True()
		}
	}
	return c
}

func stringList(v cty.Value) []string {
	out := make([]string, 0, v.LengthInt())
	for _, e := range v.AsValueSlice() {
		out = append(out, e.AsString())
	}
	return out
}

// absPath expands ~ and makes a path absolute from the inventory's folder.
func absPath(path, dir string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, path[1:])
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path)
}
