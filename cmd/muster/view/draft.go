package view

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"strings"
)

// digest tells texts apart without keeping them.
type digest [sha256.Size]byte

// draft is what a step does on one host: the text of it, and two sums that say which
// hosts do the same and which do the same but for values. Nothing in it is of the
// host itself.
type draft struct {
	text       strings.Builder
	key, shape hash.Hash
}

func newDraft() *draft { return &draft{key: sha256.New(), shape: sha256.New()} }

// line shows a line that only hosts with the same changes have.
func (d *draft) line(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	d.text.WriteString(line)
	d.same(line)
}

// show shows a line that hosts with the same changes need not share, such as one
// around a change.
func (d *draft) show(format string, args ...any) { fmt.Fprintf(&d.text, format, args...) }

// same takes text into what hosts with the same changes share. A hash takes all
// writes.
func (d *draft) same(text string) { _, _ = io.WriteString(d.key, text+"\x00") }

// like takes text into what hosts share that differ only in values.
func (d *draft) like(text string) { _, _ = io.WriteString(d.shape, text+"\x00") }

func (d *draft) sums() (key, shape digest) {
	return digest(d.key.Sum(nil)), digest(d.shape.Sum(nil))
}
