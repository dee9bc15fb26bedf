package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// The caps of the framing. A frame beyond one of them is an error, and an error
// of the framing ends the connection.
const (
	// MaxFrame is the largest frame, in bytes: type byte and content.
	MaxFrame = 1 << 20
	// MaxNoise is how much a login may print before the first frame, in bytes.
	MaxNoise = 64 << 10
	// maxDepth is the deepest nesting of a frame's content.
	maxDepth = 16
	// maxItems is how many CBOR items a frame may hold. An item costs at least one
	// byte on the wire and up to some 150 in memory, so this is what bounds memory.
	maxItems = 1 << 17
)

// marker starts a stream. It holds bytes that no login message, no echoed
// command line and no password has.
var marker = []byte("\x00\x01muster-frames\x02\x00")

// ErrFrame is in the chain of every error about what the other side has sent.
var ErrFrame = errors.New("bad frame")

func frameError(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, a...))
}

// Writer writes frames. It may be used by several goroutines.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter gives a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Sync writes the marker that starts a stream. It goes before the first frame.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.w.Write(marker)
	return err
}

// Write writes one message as one frame, in one call of the underlying writer. The
// error is an *EncodeError when the message makes no frame: nothing was written then.
func (w *Writer) Write(m Message) error {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := marshal(b, m); err != nil {
		return &EncodeError{err}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.w.Write(b.Bytes())
	return err
}

// buffers are for frames on their way out: that of a host's steps is some 64 KiB, and
// it grows to that once, not once for each host.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// EncodeError is about a message that does not fit into a frame.
type EncodeError struct{ err error }

func (e *EncodeError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *EncodeError) Unwrap() error { return e.err }

// Marshal gives the frame of a message: four bytes of length (big endian, of
// what follows), one of type, and the content.
func Marshal(m Message) ([]byte, error) {
	var b bytes.Buffer
	if err := marshal(&b, m); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func marshal(b *bytes.Buffer, m Message) error {
	b.Write([]byte{0, 0, 0, 0, byte(m.frame())})
	if err := encoding.MarshalToBuffer(m, b); err != nil {
		return fmt.Errorf("frame %T: %w", m, err)
	}
	n := b.Len() - 4
	if n > MaxFrame {
		return fmt.Errorf("frame %T: %d bytes, at most %d are allowed", m, n, MaxFrame)
	}
	binary.BigEndian.PutUint32(b.Bytes(), uint32(n))
	return nil
}

// Reader reads frames. One goroutine may use it.
type Reader struct{ r *bufio.Reader }

// NewReader gives a Reader from r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 16<<10)} }

// Sync skips what was printed before the marker. The error quotes the end of it
// when the marker does not come.
func (r *Reader) Sync() error {
	var noise []byte
	for len(noise) < MaxNoise+len(marker) {
		c, err := r.r.ReadByte()
		if err != nil {
			return noiseError(noise, err)
		}
		noise = append(noise, c)
		if bytes.HasSuffix(noise, marker) {
			return nil
		}
	}
	return noiseError(noise, frameError("no start of frames within %d bytes", MaxNoise))
}

func noiseError(noise []byte, err error) error {
	if len(noise) == 0 {
		return err
	}
	return fmt.Errorf("%w after %q", err, noise[max(0, len(noise)-200):])
}

// Read returns the next message: one of the types of this package, by value.
// The error is io.EOF at a clean end, and wraps ErrFrame where the peer has sent
// something that it may not send.
func (r *Reader) Read() (Message, error) {
	var head [5]byte
	if _, err := io.ReadFull(r.r, head[:4]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 1 || n > MaxFrame {
		return nil, frameError("length %d, at most %d is allowed", n, MaxFrame)
	}
	if _, err := io.ReadFull(r.r, head[4:]); err != nil {
		return nil, truncated(err)
	}
	decode := decoder(Type(head[4]))
	if decode == nil {
		return nil, frameError("type %d is unknown", head[4])
	}
	// Grows with what arrives, so that a length alone reserves nothing.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.r, int64(n-1)); err != nil {
		return nil, truncated(err)
	}
	if err := checkItems(b.Bytes()); err != nil {
		return nil, err
	}
	m, err := decode(b.Bytes())
	if err != nil {
		return nil, frameError("type %d: %v", head[4], err)
	}
	return m, nil
}

func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var encoding, decoding = modes()

// modes: strings travel as byte strings, because file contents and program
// output need not be UTF-8.
func modes() (cbor.UserBufferEncMode, cbor.DecMode) {
	enc, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic, String: cbor.StringToByteString}.UserBufferEncMode()
	if err != nil {
		panic("wire: constant options are refused: " + err.Error())
	}
	dec, err := cbor.DecOptions{
		ByteStringToString: cbor.ByteStringToStringAllowed, UTF8: cbor.UTF8DecodeInvalid,
		MaxNestedLevels: maxDepth, MaxArrayElements: maxItems, MaxMapPairs: maxItems,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden, DupMapKey: cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic("wire: constant options are refused: " + err.Error())
	}
	return enc, dec
}

func decoder(t Type) func([]byte) (Message, error) {
	switch t {
	case Hello{}.frame():
		return decode[Hello]
	case Steps{}.frame():
		return decode[Steps]
	case Base{}.frame():
		return decode[Base]
	case Begin{}.frame():
		return decode[Begin]
	case Begun{}.frame():
		return decode[Begun]
	case Do{}.frame():
		return decode[Do]
	case Done{}.frame():
		return decode[Done]
	case Output{}.frame():
		return decode[Output]
	case Ping{}.frame():
		return decode[Ping]
	case Pong{}.frame():
		return decode[Pong]
	case Bye{}.frame():
		return decode[Bye]
	}
	return nil
}

func decode[M Message](b []byte) (Message, error) {
	var m M
	err := decoding.Unmarshal(b, &m)
	return m, err
}
