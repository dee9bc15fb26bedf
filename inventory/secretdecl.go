package inventory

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// maxGenerate is the most random bytes a secret may ask for: munge's longest key.
const maxGenerate = 1024

// secret reads one secret block.
func (l *loader) secret(b *hclsyntax.Block) {
	l.add(lang.Check(b.Body, lang.Schema{What: "a secret block",
		Attributes: []string{"generate", "env", "file", "encoding"}})...)
	name := b.Labels[0]
	if !hclsyntax.ValidIdentifier(name) || len(name) > maxName {
		l.add(lang.Diag("Bad name", fmt.Sprintf("%q is no name of a secret: it has letters, digits, _ and -, "+
			"and begins with a letter.", name), b.LabelRanges[0]))
		return
	}
	if first := l.inv.Secrets[name]; first != nil {
		l.add(lang.Diag("Duplicate secret", fmt.Sprintf("%q is already a secret at %s.",
			name, lang.Where(first.Range)), b.LabelRanges[0]))
		return
	}
	s := &Secret{Name: name, Encoding: "raw", Range: b.DefRange()}
	l.inv.Secrets[name] = s
	sources := 0
	for _, attr := range []string{"generate", "env", "file"} {
		if b.Body.Attributes[attr] != nil {
			sources++
		}
	}
	if sources != 1 {
		l.add(lang.Diag("Secret without a source",
			"A secret has exactly one of generate, env and file.", b.DefRange()))
		return
	}
	l.secretSource(s, b.Body)
}

func (l *loader) secretSource(s *Secret, body *hclsyntax.Body) {
	if a := body.Attributes["generate"]; a != nil {
		v, ok := l.value(a.Expr)
		if ok && v.Type() == cty.Number && !v.IsNull() && v.IsKnown() {
			n, _ := v.AsBigFloat().Int64()
			s.Generate = int(n)
		}
		if ok && (s.Generate < 16 || s.Generate > maxGenerate) {
			l.add(lang.Diag("Wrong type", fmt.Sprintf("generate is a number of bytes, from 16 to %d.", maxGenerate), a.Expr.Range()))
		}
	}
	if env, rng, ok := l.text(body, "env"); ok {
		s.Env = env
		if !hclsyntax.ValidIdentifier(env) {
			l.add(lang.Diag("Bad name", fmt.Sprintf("%q is no name of an environment variable.", env), rng))
		}
	}
	if file, rng, ok := l.text(body, "file"); ok {
		if file == "" {
			l.add(lang.Diag("Bad path", "The path is empty.", rng))
		}
		s.File = absPath(file, l.inv.Dir)
	}
	if encoding, rng, ok := l.text(body, "encoding"); ok {
		s.Encoding = encoding
		if encoding != "raw" && encoding != "hex" && encoding != "base64" {
			l.add(lang.Diag("Wrong value", `encoding is "raw", "hex" or "base64".`, rng))
		}
	}
}

// secretNames is the value of `secret`: references by name.
func secretNames(secrets map[string]*Secret) cty.Value {
	out := map[string]cty.Value{}
	for name := range secrets {
		out[name] = lang.SecretValue(name)
	}
	return cty.ObjectVal(out)
}
