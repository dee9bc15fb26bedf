package lab

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// cacheLimit bounds the shared package cache in bytes; the oldest packages go first.
	cacheLimit = 4 << 30
	// harvestTime bounds what is only a favour to the next lab.
	harvestTime = time.Minute
	archives    = "/var/cache/apt/archives"
)

// validPackage is a name that apt gives to a fetched package.
var validPackage = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9.+_~%-]*\.deb$`)

// harvest copies the packages that the lab's nodes fetched into the cache that later
// labs start from. It never fails a Down: a cache is a favour.
func (l *Lab) harvest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, harvestTime)
	defer cancel()
	dir, err := cacheDir("apt")
	if err != nil {
		l.say("package cache: %v", err)
		return
	}
	kept := 0
	for _, node := range l.Nodes {
		if node.State != "running" {
			continue
		}
		count, err := l.harvestNode(ctx, node.Name, dir)
		if err != nil {
			l.say("package cache: %s: %v", node.Name, err)
		}
		kept += count
	}
	if kept > 0 {
		l.say("packages kept for the next lab in %s: %d", dir, kept)
	}
	if err := pruneCache(dir, cacheLimit); err != nil {
		l.say("package cache: %v", err)
	}
}

// harvestNode fetches from a node only what the cache lacks.
func (l *Lab) harvestNode(ctx context.Context, node, dir string) (int, error) {
	out, err := l.Exec(ctx, node, "find", archives, "-maxdepth", "1", "-type", "f", "-name", "*.deb", "-printf", `%f\n`)
	if err != nil {
		return 0, err
	}
	wanted := slices.DeleteFunc(strings.Fields(out), func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil || !validPackage.MatchString(name)
	})
	if len(wanted) == 0 {
		return 0, nil
	}
	stream, feed := io.Pipe()
	go func() {
		argv := append([]string{"tar", "-C", archives, "-cf", "-"}, wanted...)
		feed.CloseWithError(l.ExecIO(ctx, node, nil, feed, argv...))
	}()
	defer stream.Close()
	return unpack(stream, dir, wanted)
}

// unpack writes the wanted files of a tar stream into dir, each in one step, so that
// labs that do it at once do not see each other's halves.
func unpack(stream io.Reader, dir string, wanted []string) (int, error) {
	archive, count := tar.NewReader(stream), 0
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, err
		}
		if header.Typeflag != tar.TypeReg || !slices.Contains(wanted, header.Name) || header.Size > cacheLimit {
			return count, fmt.Errorf("tar: unexpected entry %q", header.Name)
		}
		if err := unpackFile(archive, filepath.Join(dir, header.Name)); err != nil {
			return count, err
		}
		count++
	}
}

func unpackFile(content io.Reader, path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".harvest-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already if all went well
	_, errCopy := io.Copy(file, content)
	if err := errors.Join(errCopy, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// pruneCache removes the oldest files until at most limit bytes are left.
func pruneCache(dir string, limit int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	files, total := []fs.FileInfo{}, int64(0)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // another lab's harvest renamed it meanwhile
		}
		files, total = append(files, info), total+info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, file := range files {
		if total <= limit {
			break
		}
		if err := os.Remove(filepath.Join(dir, file.Name())); err != nil {
			return err
		}
		total -= file.Size()
	}
	return nil
}
