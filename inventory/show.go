package inventory

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// shownVar is a value of `inventory show --json`.
type shownVar struct {
	Value any    `json:"value"`
	From  string `json:"from"`
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
}

type shownHost struct {
	Name       string              `json:"name"`
	Address    string              `json:"address"`
	Groups     []string            `json:"groups"`
	Vars       map[string]shownVar `json:"vars,omitempty"`
	Connection map[string]shownVar `json:"connection,omitempty"`
	File       string              `json:"file"`
	Line       int                 `json:"line"`
}

// WriteList prints one line for each host, or a JSON array of hosts.
func (inv *Inventory) WriteList(w io.Writer, asJSON bool) error {
	if asJSON {
		out := make([]shownHost, len(inv.Hosts))
		for i, h := range inv.Hosts {
			out[i] = shown(h, false)
		}
		return writeJSON(w, out)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "HOST\tADDRESS\tGROUPS")
	for _, h := range inv.Hosts {
		fmt.Fprintf(t, "%s\t%s\t%s\n", h.Name, h.Address, strings.Join(withoutAll(h.Groups), ","))
	}
	return t.Flush()
}

func withoutAll(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return g == "all" })
}

// WriteShow prints all that is known of one host: each final value, and the
// block and the line it came from. Secrets are shown by name.
func (inv *Inventory) WriteShow(w io.Writer, host string, asJSON bool) error {
	h := inv.hosts[host]
	if h == nil {
		return fmt.Errorf("inventory: %w", inv.unknown(host))
	}
	if asJSON {
		return writeJSON(w, shown(h, true))
	}
	fmt.Fprintf(w, "%s\n", h.Name)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "  address\t%s\n", h.Address)
	fmt.Fprintf(t, "  groups\t%s\n", strings.Join(withoutAll(h.Groups), ", "))
	fmt.Fprintf(t, "  declared\t%s\n", lang.Visible(lang.Where(h.DeclRange)))
	if err := t.Flush(); err != nil {
		return err
	}
	if err := writeVars(w, "connection", h.ConnectionFrom); err != nil {
		return err
	}
	return writeVars(w, "vars", h.Vars)
}

func writeVars(w io.Writer, title string, vars map[string]Var) error {
	if len(vars) == 0 {
		return nil
	}
	fmt.Fprintf(w, "  %s\n", title)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		v := vars[key]
		from := v.From
		if v.Range.Filename != "" {
			from += "  " + lang.Visible(lang.Where(v.Range))
		}
		fmt.Fprintf(t, "    %s\t= %s\t# %s\n", key, valueText(v.Value), from)
	}
	return t.Flush()
}

func shown(h *Host, full bool) shownHost {
	out := shownHost{Name: h.Name, Address: h.Address, Groups: h.Groups,
		File: h.DeclRange.Filename, Line: h.DeclRange.Start.Line}
	if full {
		out.Vars, out.Connection = shownVars(h.Vars), shownVars(h.ConnectionFrom)
	}
	return out
}

func shownVars(vars map[string]Var) map[string]shownVar {
	out := map[string]shownVar{}
	for key, v := range vars {
		out[key] = shownVar{Value: plain(v.Value), From: v.From, File: v.Range.Filename, Line: v.Range.Start.Line}
	}
	return out
}

// plain is a value for people: secrets by name, what is marked as a mask.
func plain(v cty.Value) any {
	if lang.IsSensitive(v) {
		return "(sensitive)"
	}
	g, err := lang.GoValue(v)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return named(g)
}

// named replaces secrets by their names, at any depth.
func named(g any) any {
	switch x := g.(type) {
	case lang.SecretRef:
		return "(secret " + x.Name + ")"
	case []any:
		for i := range x {
			x[i] = named(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = named(x[k])
		}
	}
	return g
}

func valueText(v cty.Value) string {
	b, err := json.Marshal(plain(v))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return lang.Visible(string(b)) // JSON leaves some of what a terminal acts on
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
