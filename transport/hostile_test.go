package transport

import (
	"bytes"
	"context"
	enc "encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"muster/modules/machine"
	"muster/transport/wire"
)

// bytesOf is what the node writes: messages, or bytes as they are.
func bytesOf(t *testing.T, said ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, x := range said {
		switch x := x.(type) {
		case wire.Message:
			f, err := wire.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(f)
		case []byte:
			b.Write(x)
		case string:
			b.WriteString(x)
		}
	}
	return b.Bytes()
}

// rawFrame is a frame with any content.
func rawFrame(kind byte, content string) []byte {
	return append(enc.BigEndian.AppendUint32(nil, uint32(len(content)+1)), append([]byte{kind}, content...)...)
}

func many(m wire.Message, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = m
	}
	return out
}

// behaviour is something that no agent does, after it was asked something, and what
// is said of it.
type behaviour struct {
	ask  []wire.Message
	say  []any
	want string
}

var behaviours = map[string]behaviour{
	"base unasked":        {nil, []any{wire.Base{}}, "a plan that nobody asked for"},
	"base twice":          {[]wire.Message{wire.Steps{}}, []any{wire.Base{}, wire.Base{}}, "a plan that nobody asked for"},
	"begun unasked":       {nil, []any{wire.Begun{}}, "a wire.Begun that nobody asked for"},
	"begun twice":         {[]wire.Message{wire.Begin{}}, []any{wire.Begun{}, wire.Begun{}}, "a wire.Begun that nobody asked for"},
	"done before do":      {nil, []any{wire.Done{ID: 1}}, "step 1 is done, and nobody asked for it"},
	"done of another":     {[]wire.Message{wire.Do{ID: 1}}, []any{wire.Done{ID: 2}}, "step 2 is done, and nobody asked for it"},
	"done twice":          {[]wire.Message{wire.Do{ID: 1}}, []any{wire.Done{ID: 1}, wire.Done{ID: 1}}, "step 1 is done, and nobody asked for it"},
	"done changes id":     {[]wire.Message{wire.Do{ID: 1}, wire.Do{ID: 2}}, []any{wire.Done{ID: 1, More: true}, wire.Done{ID: 2}}, "step 2 is done"},
	"output before do":    {nil, []any{wire.Output{ID: 1}}, "a wire.Output that nobody asked for"},
	"output of another":   {[]wire.Message{wire.Do{ID: 1}}, []any{wire.Output{ID: 2}}, "a wire.Output that nobody asked for"},
	"output inside done":  {[]wire.Message{wire.Do{ID: 1}}, []any{wire.Done{ID: 1, More: true}, wire.Output{ID: 1}}, "a wire.Output that nobody asked for"},
	"output after done":   {[]wire.Message{wire.Do{ID: 1}}, []any{wire.Done{ID: 1}, wire.Output{ID: 1}}, "a wire.Output that nobody asked for"},
	"hello again":         {nil, []any{wire.Hello{Protocol: 1}}, "a wire.Hello that nobody asked for"},
	"controller's words":  {nil, []any{wire.Do{ID: 1}}, "a wire.Do that nobody asked for"},
	"never-ending ping":   {nil, many(wire.Ping{Seq: 1}, 1000), "a wire.Ping that nobody asked for"},
	"bye":                 {nil, []any{wire.Bye{}}, "a wire.Bye that nobody asked for"},
	"pong unasked":        {nil, []any{wire.Pong{Seq: 1}}, "pong 1 after ping 0"},
	"pong flood":          {nil, many(wire.Pong{Seq: 0}, 1000), "pong 0 after ping 0"},
	"replace is not base": {[]wire.Message{wire.Steps{Replace: true}}, []any{wire.Base{}}, "a plan that nobody asked for"},
	"never-ending base":   {[]wire.Message{wire.Steps{}}, many(wire.Base{Plans: []wire.VertexPlan{{ID: 1}}, More: true}, 1<<12), "an answer of more than 50331648 bytes"},
	"too many changes":    {[]wire.Message{wire.Do{ID: 1}}, many(wire.Done{ID: 1, More: true, Changes: make([]machine.Change, 10_000)}, 20), "more than 100000 changes in one answer"},
	"output flood":        {[]wire.Message{wire.Do{ID: 1}}, many(wire.Output{ID: 1, Text: strings.Repeat("x", 64<<10)}, 300), "more output than an agent sends"},
	"flood of frames":     {[]wire.Message{wire.Do{ID: 1}}, many(wire.Output{ID: 1}, 5000), "more output than an agent sends"},
	"frame of 4 GiB":      {nil, []any{"\xff\xff\xff\xff\x07"}, "length 4294967295, at most 1048576 is allowed"},
	"frame of 1 MiB + 1":  {nil, []any{"\x00\x10\x00\x01\x07"}, "length 1048577"},
	"frame of nothing":    {nil, []any{"\x00\x00\x00\x00"}, "length 0"},
	"unknown type":        {nil, []any{rawFrame(99, "\xa0")}, "type 99 is unknown"},
	"no CBOR":             {nil, []any{rawFrame(7, "\xff\xff")}, "bad frame"},
	"text in a number":    {[]wire.Message{wire.Do{ID: 1}}, []any{rawFrame(7, "\xa1\x61i\x4b1\nevil=true")}, "type 7"},
	"indefinite length":   {nil, []any{rawFrame(3, "\xbf\xff")}, "broken item"},
	"deep nesting":        {nil, []any{rawFrame(3, strings.Repeat("\x81", 60)+"\x80")}, "type 3"},
	"a million items":     {nil, []any{rawFrame(3, "\x9a\x00\x0f\x00\x00"+strings.Repeat("\x00", 0xf0000))}, "more than 131072 items"},
	"unknown field":       {nil, []any{rawFrame(6, "\xa1\x61z\x01")}, "type 6"},
	"a shell":             {nil, []any{"sh: command not found\n"}, "length 1936210464"},
	"the marker again":    {nil, []any{"\x00\x01muster-frames\x02\x00"}, "bad frame"},
}

// TestEvilAgent: what no agent says ends the connection with ErrHostile, and only
// that.
func TestEvilAgent(t *testing.T) {
	for name, b := range behaviours {
		t.Run(name, func(t *testing.T) {
			c, p, err := open(t, Link{})
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, readerOf(p)) }()
			for _, m := range b.ask {
				if err := c.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			said := bytesOf(t, b.say...)
			go func() { _, _ = p.raw.Write(said) }() // until the connection ends
			err = lastError(t, c)
			if !errors.Is(err, ErrHostile) || !strings.Contains(err.Error(), b.want) {
				t.Errorf("got %v, want %q", err, b.want)
			}
		})
	}
}

// lastError receives until the connection is over.
func lastError(t *testing.T, c *Conn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, err := c.Recv(ctx); err != nil {
			return err
		}
	}
}
