package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"muster/inventory/lang"
)

// Connection is how a host is reached.
type Connection struct {
	// User is the login user; empty means the user who runs muster.
	User string
	Port int // 22 unless set
	// Identity are private key files, absolute paths.
	Identity []string
	// Agent allows keys of the ssh-agent at SSH_AUTH_SOCK; true unless set.
	Agent bool
	// Jump are the hosts to go through, nearest first: [user@]host[:port].
	Jump []string
	// Become runs the agent through sudo.
	Become bool
	// BecomePassword is the secret that sudo asks for, nil when it is asked of
	// the operator or not needed.
	BecomePassword *lang.SecretRef
	// KnownHosts is a known_hosts file, absolute; empty means the user's own.
	KnownHosts string
	// HostKeys are pinned host keys as in known_hosts: "ssh-ed25519 AAAA…".
	HostKeys []string
	// HostKeyPolicy is "strict" (unless set) or "accept-new".
	HostKeyPolicy string
	// Local runs the agent on this machine, without SSH.
	Local bool
}

// connectionTypes are the attributes of a connection block. A list attribute
// also takes one string.
var connectionTypes = map[string]cty.Type{
	"user": cty.String, "port": cty.Number, "identity": cty.List(cty.String), "agent": cty.Bool,
	"jump": cty.List(cty.String), "become": cty.Bool, "become_password": lang.SecretType,
	"known_hosts": cty.String, "host_keys": cty.List(cty.String), "host_key_policy": cty.String, "local": cty.Bool,
}

// connection reads one connection block into values of the right types.
func (l *loader) connection(block *hclsyntax.Block, from string) map[string]Var {
	names := slices.Sorted(maps.Keys(connectionTypes))
	l.add(lang.Check(block.Body, lang.Schema{What: "a connection block", Attributes: names})...)
	out := map[string]Var{}
	for _, a := range lang.Attributes(block.Body) {
		want, known := connectionTypes[a.Name]
		if !known {
			continue
		}
		v, ok := l.value(a.Expr)
		if !ok {
			continue
		}
		if want.IsListType() && v.Type() == cty.String && !v.IsNull() {
			v = cty.ListVal([]cty.Value{v})
		}
		v, err := convert.Convert(v, want)
		if err != nil || v.IsNull() || !v.IsWhollyKnown() || lang.IsSensitive(v) {
			l.add(lang.Diag("Wrong type", fmt.Sprintf("%s is %s.", a.Name, typeName(want)), a.Expr.Range()))
			continue
		}
		if problem := checkConnection(a.Name, v); problem != "" {
			l.add(lang.Diag("Bad connection", problem, a.Expr.Range()))
			continue
		}
		out[a.Name] = Var{Value: v, From: from, Range: a.SrcRange}
	}
	return out
}

func typeName(t cty.Type) string {
	switch t {
	case cty.List(cty.String):
		return "a string or a list of strings"
	case lang.SecretType:
		return "a secret: write secret.NAME"
	case cty.Bool:
		return "true or false"
	}
	return "a " + t.FriendlyName()
}

// checkConnection says what is wrong with one value, "" when nothing is.
func checkConnection(name string, v cty.Value) string {
	switch name {
	case "user":
		if !isUser(v.AsString()) {
			return fmt.Sprintf("%q is no user name.", v.AsString())
		}
	case "port":
		if port, _ := v.AsBigFloat().Int64(); port < 1 || port > 65535 || !v.AsBigFloat().IsInt() {
			return "A port is a whole number from 1 to 65535."
		}
	case "host_key_policy":
		if p := v.AsString(); p != "strict" && p != "accept-new" {
			return `host_key_policy is "strict" or "accept-new".`
		}
	case "jump", "host_keys", "identity":
		for _, e := range v.AsValueSlice() {
			if e.IsNull() {
				return "An element is null."
			}
			if name == "jump" && !isJump(e.AsString()) {
				return fmt.Sprintf("%q is no jump host. Write [user@]host[:port].", e.AsString())
			}
			if name == "host_keys" && len(strings.Fields(e.AsString())) < 2 {
				return "A host key is written as in known_hosts: its type and its base64 text."
			}
		}
	}
	return ""
}

// isJump accepts [user@]host[:port], with an IPv6 address in brackets.
func isJump(s string) bool {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		if !isUser(s[:at]) {
			return false
		}
		s = s[at+1:]
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
	}
	return isAddress(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}
