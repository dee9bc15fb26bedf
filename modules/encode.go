package modules

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// maxConfig is the largest encoded configuration of one step, in bytes; it has to
// fit into a frame of 1 MiB beside its envelope.
const maxConfig = 1<<20 - 4096

// encoding and decoding are the ways of Encode and Decode.
var (
	encoding = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic, String: cbor.StringToByteString}.EncMode())
	decoding = must(cbor.DecOptions{
		ByteStringToString: cbor.ByteStringToStringAllowed, UTF8: cbor.UTF8DecodeInvalid,
		MaxNestedLevels: 16, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

// must panics on options that contradict each other, which no input can bring about.
func must[T any](mode T, err error) T {
	if err != nil {
		panic("modules: " + err.Error())
	}
	return mode
}

// Trimmer is a Config that can leave out what its Ensure does not need, such as
// most facts of the hosts in its arguments. Trim replaces shared slices and maps;
// it does not write into them.
type Trimmer interface{ Trim() }

// Encode gives the configuration as it travels to the agent. Equal
// configurations have equal encodings.
func Encode(c Config) ([]byte, error) {
	if t, ok := c.(Trimmer); ok {
		t.Trim()
	}
	b, err := encoding.Marshal(c)
	if err == nil && len(b) > maxConfig {
		return nil, fmt.Errorf("configuration: %d bytes, at most %d are allowed", len(b), maxConfig)
	}
	return b, err
}

// Decode is the inverse of Encode for module m.
func Decode(m Module, b []byte) (Config, error) {
	c := m.New()
	if err := decoding.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%s: configuration: %w", m.Name, err)
	}
	return c, nil
}
