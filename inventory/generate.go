package inventory

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
)

// Generate gives a generated secret and makes it first if it does not exist:
// random bytes, encrypted for the operator's identity, on disk before they are
// returned. An operator without any identity gets one; see Notice. If two runs
// make the same secret at once, both return the one that was first.
func (s *Secrets) Generate(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, pending, err := s.value(name)
	if err != nil || !pending {
		return b, err
	}
	decl := s.inv.Secrets[name]
	if err := s.make(decl); err != nil {
		return nil, fmt.Errorf("secret %q: generate: %w", name, err)
	}
	if b, pending, err = s.value(name); err == nil && pending {
		err = fmt.Errorf("secret %q: generate: %s: vanished after it was written", name, s.path(name))
	}
	return b, err
}

func (s *Secrets) make(decl *Secret) error {
	if s.id == nil {
		id, err := makeIdentity()
		if err != nil {
			return err
		}
		s.id = id
		s.notice = fmt.Sprintf("made an age identity at %s: keep a copy, it opens this cluster's secrets", id.path)
	}
	value := make([]byte, decl.Generate)
	rand.Read(value)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, s.id.recipients...)
	if err != nil {
		return err
	}
	if _, err := w.Write(encode(decl.Encoding, value)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := s.inv.makeStateDir("secrets"); err != nil {
		return err
	}
	err = createFile(s.path(decl.Name), sealed.Bytes())
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

func encode(encoding string, b []byte) []byte {
	switch encoding {
	case "hex":
		return []byte(hex.EncodeToString(b))
	case "base64":
		return []byte(base64.StdEncoding.EncodeToString(b))
	}
	return b
}

// decode reads hex or base64 text; the blanks and line ends around it do not
// count. Its errors do not quote the text.
func decode(encoding string, b []byte) ([]byte, error) {
	text := strings.Join(strings.Fields(string(b)), "")
	var out []byte
	var err error
	switch encoding {
	case "hex":
		out, err = hex.DecodeString(text)
	case "base64":
		out, err = base64.StdEncoding.DecodeString(text)
	default:
		return b, nil
	}
	if err != nil || len(out) == 0 {
		return nil, fmt.Errorf("it is not %s text", encoding)
	}
	return out, nil
}
