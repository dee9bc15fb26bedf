package lang

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Source is one file, or all *.hcl files of one folder, parsed.
type Source struct {
	// Files by path; also what WriteDiags takes the source lines from.
	Files map[string]*hcl.File
	// Paths in reading order: by name.
	Paths []string
	// Digest is the SHA-256, in hex, over the files' base names and contents.
	Digest string
}

// ParsePath reads a file, or the *.hcl files of a folder in the order of their
// names. The source it returns is never nil.
func ParsePath(path string) (*Source, hcl.Diagnostics) {
	src := &Source{Files: map[string]*hcl.File{}}
	paths, err := sourcePaths(path)
	if err != nil {
		return src, pathDiags(path, err)
	}
	sum, total := sha256.New(), 0
	var diags hcl.Diagnostics
	for _, p := range paths {
		content, err := readFile(p)
		if err != nil {
			return src, append(diags, pathDiags(p, err)...)
		}
		if total += len(content); total > MaxConfig {
			return src, append(diags, pathDiags(path, fmt.Errorf("more than %d bytes in all", MaxConfig))...)
		}
		fmt.Fprintf(sum, "%d:%s%d:", len(filepath.Base(p)), filepath.Base(p), len(content))
		sum.Write(content)
		diags = append(diags, src.add(p, content)...)
	}
	src.Digest = hex.EncodeToString(sum.Sum(nil))
	return src, diags
}

// ParseBytes makes a source of one file that is in memory, such as a playbook
// that is embedded in the program.
func ParseBytes(name string, content []byte) (*Source, hcl.Diagnostics) {
	src := &Source{Files: map[string]*hcl.File{}}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%d:%s", len(filepath.Base(name)), filepath.Base(name), len(content), content))
	src.Digest = hex.EncodeToString(sum[:])
	return src, src.add(name, content)
}

func (s *Source) add(path string, content []byte) hcl.Diagnostics {
	file, diags := Parse(path, content)
	s.Files[path] = file
	s.Paths = append(s.Paths, path)
	return diags
}

// Body is all files as one body.
func (s *Source) Body() hcl.Body {
	files := make([]*hcl.File, len(s.Paths))
	for i, p := range s.Paths {
		files[i] = s.Files[p]
	}
	return hcl.MergeFiles(files)
}

// Blocks are the top-level blocks in file order.
func (s *Source) Blocks() hclsyntax.Blocks {
	var out hclsyntax.Blocks
	for _, p := range s.Paths {
		if body, ok := s.Files[p].Body.(*hclsyntax.Body); ok {
			out = append(out, body.Blocks...)
		}
	}
	return out
}

// Attributes are the attributes of a body in file order.
func Attributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte)
	})
	return out
}
