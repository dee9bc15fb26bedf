// Command pack builds the agents that muster carries. For each architecture it
// writes linux-ARCH.zst, the compressed binary, and linux-ARCH.sha256, the digest
// of the binary itself, into the folder given as its argument.
//
//	go run ./cmd/muster-agent/pack cmd/muster/agents
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// architectures are those of the nodes that muster can reach.
var architectures = []string{"amd64", "arm64"}

// maxAgent bounds an agent in bytes: it is pushed to every node once.
const maxAgent = 8 << 20

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: go run ./cmd/muster-agent/pack FOLDER")
	}
	scratch, err := os.MkdirTemp("", "muster-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	for _, arch := range architectures {
		path := filepath.Join(scratch, arch)
		if err := build(arch, path); err != nil {
			return fmt.Errorf("agent linux/%s: %w", arch, err)
		}
		binary, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := pack(args[0], arch, binary); err != nil {
			return fmt.Errorf("agent linux/%s: %w", arch, err)
		}
	}
	return nil
}

// build makes the same bytes from the same source wherever it runs: the digest of
// the agent is its name on the nodes.
func build(arch, path string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=",
		"-o", path, "muster/cmd/muster-agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// pack writes both files of one agent, the digest last. Files that are as they
// should be stay untouched, so that the build of muster need not run again.
func pack(folder, arch string, binary []byte) error {
	if len(binary) > maxAgent {
		return fmt.Errorf("%d bytes, more than %d: what has been linked in?", len(binary), maxAgent)
	}
	name := filepath.Join(folder, "linux-"+arch)
	line := fmt.Appendf(nil, "%x  linux-%s\n", sha256.Sum256(binary), arch)
	_, missing := os.Stat(name + ".zst")
	if old, err := os.ReadFile(name + ".sha256"); err == nil && missing == nil && bytes.Equal(old, line) {
		return nil
	}
	// The best ratio, that of zstd -19.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return err
	}
	if err := replace(name+".zst", encoder.EncodeAll(binary, nil)); err != nil {
		return err
	}
	return replace(name+".sha256", line)
}

// replace writes a file in one step: a build beside this one never sees half of it.
func replace(path string, content []byte) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), ".pack-")
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name()) // gone already if all went well
	_, errWrite := fresh.Write(content)
	if err := errors.Join(errWrite, fresh.Chmod(0o644), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), path)
}
