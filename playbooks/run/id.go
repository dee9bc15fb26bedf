package run

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"time"

	"muster/modules/machine"
)

// idAlphabet sorts as its bytes do and has no letters that look like digits.
var idAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID makes a run id: 14 characters, of which the first 8 are the time in
// units of 4 ms, so that ids sort by time.
func NewID(t time.Time) string {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.UnixMilli()/4)<<24) // 40 bits: 139 years from 1970
	_, _ = rand.Read(b[5:])                                        // never fails
	return idAlphabet.EncodeToString(b[:])[:14]
}

var validID = regexp.MustCompile(`^[0-9a-z]{13,16}$`)

// ValidID says whether s can be a run id (and is safe in a path).
func ValidID(s string) bool { return validID.MatchString(s) }

// planID is the short id of a plan's content: 8 hex digits over the digest of the
// program and every change. Two plans with equal ids do the same.
func planID(p *Plan, known *lists) string {
	h := sha256.New()
	field(h, p.Digest)
	var name []byte
	for i := range p.Vertices {
		v := &p.Vertices[i]
		if k := known.of(v.Changes); k != nil {
			name = fmt.Appendf(name[:0], "%q %q ", v.Step, v.Host)
			name = append(name, k.content[:]...)
			h.Write(name)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:8]
}

func hashState(h hash.Hash, s machine.State) {
	field(h, fmt.Sprintf("%t %d", s == nil, len(s)))
	for _, f := range s.Fields() {
		v := s[f]
		if v.Unknown {
			v = machine.Value{Unknown: true}
		}
		field(h, fmt.Sprintf("%s %t %t", f, v.Unknown, v.Secret))
		field(h, v.S)
	}
}

// field writes a length before the bytes, so that no two lists hash alike.
func field(h hash.Hash, s string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(s)))
	h.Write(n[:])
	h.Write([]byte(s))
}
