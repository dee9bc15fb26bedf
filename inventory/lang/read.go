package lang

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// sourcePaths lists what to read for a path that the user named.
func sourcePaths(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".hcl") && !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("the folder has no *.hcl file")
	}
	slices.Sort(paths)
	return paths, nil
}

// readFile reads a regular file, one byte over the limit at most: Parse reports
// a file that is longer. A device or a pipe is refused, since it may not end.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file")
	}
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

func pathDiags(path string, err error) hcl.Diagnostics {
	if pathErr, ok := err.(*os.PathError); ok {
		err = pathErr.Err
	}
	pos := hcl.Pos{Line: 0, Column: 0}
	text := err.Error()
	return hcl.Diagnostics{Diag("Configuration cannot be read", strings.ToUpper(text[:1])+text[1:]+".", // the place names the path
		hcl.Range{Filename: path, Start: pos, End: pos})}
}
