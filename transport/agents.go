package transport

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// ErrNoAgent: there is no agent for that architecture.
var ErrNoAgent = errors.New("no agent for this architecture")

// Agents are the agent binaries that this controller carries.
type Agents interface {
	// Agent says what the agent for an architecture ("amd64", "arm64") is: the
	// SHA-256 of the binary, hex, and how to read it.
	Agent(arch string) (digest string, open func() (io.ReadCloser, error), err error)
}

// maxAgent bounds an agent binary, in bytes; the real ones are under 8 MB.
const maxAgent = 64 << 20

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// FromFS reads agents as `make build` packs them: linux-ARCH.zst and
// linux-ARCH.sha256, which begins with the digest of the uncompressed binary.
// Nothing is uncompressed before it is opened.
func FromFS(dir fs.FS) Agents { return packed{dir} }

type packed struct{ dir fs.FS }

func (p packed) Agent(arch string) (string, func() (io.ReadCloser, error), error) {
	name := "linux-" + arch
	b, err := fs.ReadFile(p.dir, name+".sha256")
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s: %w", ErrNoAgent, arch, err)
	}
	digest, _, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	if !digestPattern.MatchString(digest) {
		return "", nil, fmt.Errorf("agent %s: %q is not a digest", name, digest)
	}
	open := func() (io.ReadCloser, error) {
		f, err := p.dir.Open(name + ".zst")
		if err != nil {
			return nil, fmt.Errorf("agent %s: %w", name, err)
		}
		d, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxAgent))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("agent %s: %w", name, err), f.Close())
		}
		return unpacked{d, f}, nil
	}
	return digest, open, nil
}

type unpacked struct {
	*zstd.Decoder
	file fs.File
}

func (u unpacked) Close() error {
	u.Decoder.Close()
	return u.file.Close()
}

// Binary is one agent binary in memory, for its architecture. Tests and a
// controller that is itself on the node use it.
func Binary(arch string, content []byte) Agents {
	sum := sha256.Sum256(content)
	return binary{arch, hex.EncodeToString(sum[:]), content}
}

type binary struct {
	arch, digest string
	content      []byte
}

func (b binary) Agent(arch string) (string, func() (io.ReadCloser, error), error) {
	if arch != b.arch {
		return "", nil, fmt.Errorf("%w: %s", ErrNoAgent, arch)
	}
	return b.digest, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.content)), nil }, nil
}
