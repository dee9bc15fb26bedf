package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/inventory/lang"
	"muster/playbooks"
)

func (a *app) fmtVerb() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "fmt [FILE | FOLDER | -]...",
		Short: "Write HCL files in their canonical layout (default: this folder)",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			different := 0
			for _, arg := range args {
				n, err := a.format(arg, check)
				if err != nil {
					return err
				}
				different += n
			}
			if check && different > 0 {
				return exit(1)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only name the files that would change, and exit with 1")
	return cmd
}

func (a *app) format(arg string, check bool) (int, error) {
	if arg == "-" {
		text, err := io.ReadAll(io.LimitReader(a.in, lang.MaxFile+1))
		if err != nil {
			return 0, err
		}
		out, err := a.formatted("stdin", text)
		if err == nil {
			_, err = a.out.Write(out)
		}
		return 0, err
	}
	files, err := hclFiles(arg)
	if err != nil {
		return 0, err
	}
	different := 0
	for _, path := range files {
		changed, err := a.formatFile(path, check)
		if err != nil {
			return different, err
		}
		if changed {
			different++
			fmt.Fprintln(a.out, view.Line(path))
		}
	}
	return different, nil
}

// hclFiles are the *.hcl files under a path, hidden folders left out.
func hclFiles(path string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != path && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case d.Type().IsRegular() && (p == path || strings.HasSuffix(p, ".hcl")):
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

func (a *app) formatFile(path string, check bool) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if info.Size() > lang.MaxFile {
		return false, fmt.Errorf("%s: %d bytes, at most %d", path, info.Size(), lang.MaxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	out, err := a.formatted(path, text)
	if err != nil || bytes.Equal(out, text) {
		return false, err
	}
	if check {
		return true, nil
	}
	return true, renameio.WriteFile(path, out, info.Mode().Perm())
}

// formatted shows what is wrong with a file that does not parse.
func (a *app) formatted(name string, text []byte) ([]byte, error) {
	out, err := playbooks.Format(text)
	if errors.As(err, &hcl.Diagnostics{}) {
		file, diags := lang.Parse(name, text)
		return nil, a.diagnostics(map[string]*hcl.File{name: file}, diags)
	}
	return out, err
}
