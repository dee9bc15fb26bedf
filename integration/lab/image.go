package lab

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// release is the Debian that lab nodes run.
const release = "trixie"

// recipe is all that an image is made of besides Debian's packages.
//
//go:embed image
var recipe embed.FS

// recipeRef names the image: its tag is a digest of the recipe and the mirror, so a
// changed recipe is another image and an unchanged one is never built twice.
func recipeRef(mirror string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, mirror)
	err := fs.WalkDir(recipe, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := recipe.ReadFile(path)
		fmt.Fprintln(sum, path, len(text))
		sum.Write(text)
		return err
	})
	return "muster-lab:" + release + "-" + hex.EncodeToString(sum.Sum(nil))[:12], err
}

// ensureImage returns the name of the node image and builds it if Docker has none.
func (l *Lab) ensureImage(ctx context.Context) (string, error) {
	mirror := debianMirror(os.DirFS("/"))
	ref, err := recipeRef(mirror)
	if err != nil {
		return "", err
	}
	if hasImage(ctx, ref) {
		return ref, nil
	}
	release, err := waitLock(ctx, "image")
	if err != nil {
		return "", err
	}
	defer release()
	if hasImage(ctx, ref) { // built by another lab while this one waited
		return ref, nil
	}
	return ref, l.buildImage(ctx, ref, mirror)
}

func hasImage(ctx context.Context, ref string) bool {
	_, err := docker(ctx, "image", "inspect", "--format", "{{.Id}}", ref)
	return err == nil
}

// buildImage tries mmdebstrap, which needs only a Debian mirror, and then a
// Dockerfile, which needs a registry.
func (l *Lab) buildImage(ctx context.Context, ref, mirror string) error {
	dir, err := os.MkdirTemp("", "muster-lab-image-")
	if err != nil {
		return fmt.Errorf("lab image: %w", err)
	}
	defer os.RemoveAll(dir)
	files, err := fs.Sub(recipe, "image")
	if err != nil {
		return fmt.Errorf("lab image: %w", err)
	}
	dir = filepath.Join(dir, "lab-node")
	if err := os.CopyFS(dir, files); err != nil {
		return fmt.Errorf("lab image: %w", err)
	}
	first := l.ensureMmdebstrap(ctx)
	if first == nil {
		l.say("building %s from Debian packages with mmdebstrap (about half a minute, once)", ref)
		first = importTree(ctx, ref, mirror, dir)
	}
	if first == nil || ctx.Err() != nil {
		return first
	}
	l.say("mmdebstrap cannot make the image (%v); building %s from its Dockerfile", first, ref)
	if _, err := docker(ctx, "build", "-q", "-t", ref, dir); err != nil {
		return fmt.Errorf("lab image: neither way works: %w", errors.Join(first, err))
	}
	return nil
}

// ensureMmdebstrap installs mmdebstrap where that is possible, and says so.
func (l *Lab) ensureMmdebstrap(ctx context.Context) error {
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return errors.New("mmdebstrap: not installed; as root: apt-get install mmdebstrap debian-archive-keyring")
	}
	l.say("installing mmdebstrap and debian-archive-keyring with apt-get")
	install := []string{"install", "-y", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"}
	if aptGet(ctx, install...) == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, install...)
}

func aptGet(ctx context.Context, args ...string) error {
	cmd := child(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return runChild(ctx, cmd)
}

// importTree pipes mmdebstrap into docker import. The image gets its name only
// when both have ended well, so half an image is never used.
func importTree(ctx context.Context, ref, mirror, dir string) error {
	packages, err := recipe.ReadFile("image/packages")
	if err != nil {
		return fmt.Errorf("lab image: %w", err)
	}
	builder := child(ctx, "mmdebstrap", "--quiet", "--variant=minbase", "--format=tar",
		"--include="+strings.Join(strings.Fields(string(packages)), ","),
		"--skip=cleanup/apt/lists", // nodes then refresh their lists with one small request
		"--customize-hook=copy-in "+dir+" /usr/lib",
		`--customize-hook=chroot "$1" sh /usr/lib/lab-node/setup`,
		release, "-", mirror)
	tree, feed := io.Pipe()
	builder.Stdout = feed
	built := make(chan error, 1)
	go func() {
		err := runChild(ctx, builder)
		feed.CloseWithError(err) // docker import then sees a broken stream, not a short one
		built <- err
	}()
	var id strings.Builder
	errImport := dockerIO(ctx, tree, &id, "import", "-")
	tree.Close() // ends mmdebstrap if docker import ended first
	if err := errors.Join(<-built, errImport); err != nil {
		dropImage(ctx, strings.TrimSpace(id.String()))
		return err
	}
	_, err = docker(ctx, "tag", strings.TrimSpace(id.String()), ref)
	return err
}

// dropImage removes a nameless image; that it stays would cost disk only.
func dropImage(ctx context.Context, id string) {
	if id != "" {
		_, _ = docker(context.WithoutCancel(ctx), "image", "rm", id)
	}
}
