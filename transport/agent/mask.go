package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"

	"muster/modules"
	"muster/transport/wire"
)

// minMask is the shortest secret that is looked for, in bytes: a shorter one is in
// every text by chance.
const minMask = 4

// minLine is the shortest line of a longer secret that counts by itself.
const minLine = 16

const masked = "(secret)"

// mask takes the secrets of the steps out of what programs and errors say: the
// controller journals it. Programs print their settings when they fail.
type mask struct {
	forms    map[string]bool
	replacer *strings.Replacer
}

// add takes in the secrets of a step's configuration.
func (m *mask) add(config modules.Config) {
	before := len(m.forms)
	m.walk(reflect.ValueOf(config))
	if d, ok := config.(modules.Deriver); ok {
		for _, f := range d.Derived() {
			m.note(f)
		}
	}
	if len(m.forms) == before {
		return
	}
	var list []string
	for f := range m.forms {
		list = append(list, f)
	}
	// The longest first: where two begin alike, the whole goes.
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, f := range list {
		pairs = append(pairs, f, masked)
	}
	m.replacer = strings.NewReplacer(pairs...)
}

func (m *mask) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			m.walk(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[modules.Secret]() {
			m.secret(v.FieldByName("Bytes").Bytes())
			return
		}
		for i := range v.NumField() {
			m.walk(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			m.walk(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			m.walk(it.Value())
		}
	}
}

// secret notes the forms in which a secret may appear: as it is, line by line, and
// as the texts that binary ones are written as.
func (m *mask) secret(b []byte) {
	if len(bytes.TrimSpace(b)) < minMask {
		return
	}
	sum := sha256.Sum256(b)
	for _, f := range []string{string(bytes.TrimSpace(b)), hex.EncodeToString(b),
		base64.StdEncoding.EncodeToString(b), hex.EncodeToString(sum[:])} {
		m.note(f)
	}
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) >= minLine {
			m.note(string(line))
		}
	}
}

func (m *mask) note(form string) {
	if m.forms == nil {
		m.forms = map[string]bool{}
	}
	if len(form) >= minMask {
		m.forms[form] = true
	}
}

func (m *mask) text(s string) string {
	if m.replacer == nil {
		return s
	}
	return m.replacer.Replace(s)
}

// failure words an error for the wire; nil for nil.
func (m *mask) failure(err error) *wire.Failure {
	f := failure(err)
	if f == nil {
		return nil
	}
	f.Object, f.Cause, f.Stderr, f.Hint = m.text(f.Object), m.text(f.Cause), m.text(f.Stderr), m.text(f.Hint)
	var argv []string
	for _, a := range f.Command {
		argv = append(argv, m.text(a))
	}
	f.Command = argv
	return f
}
