package lang

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// FileFunction is `file(path)`: the text of a file in dir or below it. Links
// and .. that lead out of dir are refused, as is what is not UTF-8.
func FileFunction(dir string) function.Function {
	return stringFunc(cty.String, func(a []string) (cty.Value, error) {
		b, err := readUnder(dir, a[0])
		if err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		return cty.StringVal(string(b)), nil
	}, "path")
}

func readUnder(dir, path string) ([]byte, error) {
	if filepath.IsAbs(path) {
		return nil, fmt.Errorf("%s: only files in the configuration's own folder can be read; write a relative path", path)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(path)
	if err != nil {
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(b) > MaxFile:
		return nil, fmt.Errorf("%s: larger than %d bytes", path, MaxFile)
	case !utf8.Valid(b):
		return nil, fmt.Errorf("%s: not UTF-8 text", path)
	}
	return b, nil
}
