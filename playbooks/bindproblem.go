package playbooks

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
)

// BindError is what is wrong with a host's configurations, once its facts are known.
type BindError struct {
	Host  string
	Diags hcl.Diagnostics
}

func (e *BindError) Error() string {
	parts := make([]string, 0, len(e.Diags))
	for _, d := range e.Diags {
		where := ""
		if d.Subject != nil {
			where = lang.Where(*d.Subject) + ": "
		}
		parts = append(parts, where+strings.ToLower(d.Summary[:1])+d.Summary[1:]+": "+d.Detail)
	}
	return e.Host + ": " + strings.Join(parts, "; ")
}

// Unwrap gives the diagnostics.
func (e *BindError) Unwrap() error { return e.Diags }

// BindDiagnostics gathers the BindErrors in err: each diagnostic once, with the
// hosts that it is about. Nil when there are none.
func BindDiagnostics(err error) hcl.Diagnostics {
	var out hcl.Diagnostics
	hosts := map[said][]string{}
	var gather func(error)
	gather = func(err error) {
		switch e := err.(type) {
		case *BindError:
			for _, d := range e.Diags {
				key := sayingOf(d)
				if hosts[key] == nil {
					out = append(out, d)
				}
				hosts[key] = append(hosts[key], e.Host)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				gather(inner)
			}
		case interface{ Unwrap() error }:
			gather(e.Unwrap())
		}
	}
	gather(err)
	for i, d := range out {
		told := *d
		told.Detail = strings.TrimSpace(d.Detail) + "\nFor: " + hostlist.Fold(hosts[sayingOf(d)]) + "."
		out[i] = &told
	}
	return out
}
