package inventory

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"muster/inventory/lang"
)

// folder is the absolute folder that relative paths start from.
func folder(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return abs, nil
	}
	return filepath.Dir(abs), nil
}

// checkWritable refuses an inventory that any user of this machine could
// change: it decides what root does on every node. A folder with the sticky bit
// (/tmp) does not let others replace a file.
func checkWritable(path, dir string, files []string) error {
	for _, p := range append([]string{dir}, files...) {
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o002 == 0 || (info.IsDir() && info.Mode()&os.ModeSticky != 0) {
			continue
		}
		if p == dir {
			p = "the folder of " + path
		}
		return fmt.Errorf("%s can be written by every user of this machine; take that away with chmod o-w", p)
	}
	return nil
}

func pathDiag(path string, err error) *hcl.Diagnostic {
	return lang.Diag("Inventory refused", capital(err.Error())+".", hcl.Range{Filename: path})
}

func capital(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}
