package inventory

import (
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"muster/inventory/lang"
)

// maxHosts is how many hosts an inventory may have: ten times the largest that
// muster is made for.
const maxHosts = 100_000

// loader gathers what the blocks say before it is put together.
type loader struct {
	inv       *Inventory
	diags     hcl.Diagnostics
	functions map[string]function.Function
	secrets   cty.Value
	conn      map[string]Var
	hosts     map[string]*hostDecl
	order     []*hostDecl
	groups    map[string]*groupDecl
	names     []string // groups in the order in which they are first named
	seen      map[string]hcl.Range
	below     map[string]map[string]bool // group → all groups below it
	levels    map[string]level
	clashes   map[string]bool
	literals  map[string]cty.Value // of -e, by name
}

// layer is what one block says about a host or a group.
type layer struct {
	from       string
	vars, conn map[string]Var
}

// ref is a name and the place that names it.
type ref struct {
	name string
	rng  hcl.Range
}

// Load reads an inventory, a file or a folder of *.hcl. It reports everything
// that is wrong at once; with errors the inventory is not fit for use, but its
// Source is there for the source lines of the messages.
func Load(path string, o Options) (*Inventory, hcl.Diagnostics) {
	src, diags := lang.ParsePath(path)
	inv := &Inventory{Path: path, Source: src, Digest: src.Digest,
		Groups: map[string]*Group{}, Secrets: map[string]*Secret{}, hosts: map[string]*Host{}}
	if diags.HasErrors() {
		return inv, diags
	}
	dir, err := folder(path)
	if err == nil {
		err = checkWritable(path, dir, src.Paths)
	}
	if err != nil {
		return inv, append(diags, pathDiag(path, err))
	}
	inv.Dir = dir
	l := &loader{inv: inv, conn: map[string]Var{}, hosts: map[string]*hostDecl{},
		groups: map[string]*groupDecl{}, seen: map[string]hcl.Range{}, functions: lang.Functions(), secrets: cty.EmptyObjectVal,
		below: map[string]map[string]bool{}, levels: map[string]level{}, clashes: map[string]bool{}, literals: map[string]cty.Value{}}
	l.functions["file"] = lang.FileFunction(dir)
	l.read()
	l.link()
	if !l.diags.HasErrors() {
		l.finish(o)
	}
	inv.StateDir = filepath.Join(dir, ".muster", inv.Cluster.Name)
	return inv, append(diags, l.diags...)
}

func (l *loader) add(d ...*hcl.Diagnostic) { l.diags = append(l.diags, d...) }

// read walks all blocks once: first what other blocks refer to, then the rest.
func (l *loader) read() {
	schema := lang.Schema{What: "an inventory", Blocks: map[string]int{
		"cluster": 1, "connection": 0, "hosts": 1, "host": 1, "group": 1, "secret": 1}}
	for _, p := range l.inv.Source.Paths {
		if body, ok := l.inv.Source.Files[p].Body.(*hclsyntax.Body); ok {
			l.add(lang.Check(body, schema)...)
		}
	}
	var blocks []*hclsyntax.Block
	for _, b := range l.inv.Source.Blocks() {
		if want, known := schema.Blocks[b.Type]; known && want == len(b.Labels) {
			blocks = append(blocks, b)
		}
	}
	for _, b := range blocks {
		if b.Type == "secret" {
			l.secret(b)
		}
	}
	l.secrets = secretNames(l.inv.Secrets)
	for _, b := range blocks {
		switch b.Type {
		case "cluster":
			l.cluster(b)
		case "connection":
			if l.once("connection", b) {
				l.conn = l.connection(b, "connection")
			}
		case "hosts":
			l.hostsBlock(b)
		case "host":
			l.hostBlock(b)
		case "group":
			l.group(b)
		}
	}
	if l.inv.Cluster.Name == "" {
		l.inv.Cluster.Name = "default"
	}
}

// once reports a second block of a kind that may stand only once.
func (l *loader) once(what string, b *hclsyntax.Block) bool {
	if first, found := l.seen[what]; found {
		l.add(lang.Diag("Duplicate "+what, fmt.Sprintf("It already stands at %s.", lang.Where(first)), b.DefRange()))
		return false
	}
	l.seen[what] = b.DefRange()
	return true
}

func (l *loader) cluster(b *hclsyntax.Block) {
	l.add(lang.Check(b.Body, lang.Schema{What: "a cluster block", Attributes: []string{"domain"}})...)
	if !l.once("cluster", b) {
		return
	}
	name := b.Labels[0]
	if !isName(name) {
		l.add(badName("cluster", name, b.LabelRanges[0]))
		return
	}
	l.inv.Cluster.Name = name
	domain, rng, ok := l.text(b.Body, "domain")
	if ok && !isName(domain) {
		l.add(lang.Diag("Bad domain", fmt.Sprintf("%q is no domain name.", domain), rng))
		return
	}
	l.inv.Cluster.Domain = domain
}

func badName(what, name string, rng hcl.Range) *hcl.Diagnostic {
	return lang.Diag("Bad name", fmt.Sprintf("%q is no name of a %s. "+
		"A name has letters, digits and _ . - only, and begins with a letter or a digit.", name, what), rng)
}
