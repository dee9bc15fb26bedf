package lab

import (
	"bufio"
	"io/fs"
	"strings"
)

// defaultMirror is Debian's own front to its mirrors.
const defaultMirror = "http://deb.debian.org/debian"

// debianMirror is the mirror the host itself uses if it runs Debian, else Debian's
// own. Nodes inherit it, so a lab works wherever its host can install packages.
func debianMirror(root fs.FS) string {
	if !isDebian(root) {
		return defaultMirror
	}
	paths := []string{"etc/apt/sources.list"}
	for _, pattern := range []string{"etc/apt/sources.list.d/*.list", "etc/apt/sources.list.d/*.sources"} {
		more, _ := fs.Glob(root, pattern) // both patterns are well formed
		paths = append(paths, more...)
	}
	for _, path := range paths {
		text, err := fs.ReadFile(root, path)
		if err != nil {
			continue
		}
		if uri := findMirror(string(text)); uri != "" {
			return uri
		}
	}
	return defaultMirror
}

func isDebian(root fs.FS) bool {
	text, err := fs.ReadFile(root, "etc/os-release")
	if err != nil {
		return false
	}
	scan := bufio.NewScanner(strings.NewReader(string(text)))
	for scan.Scan() {
		if scan.Text() == "ID=debian" {
			return true
		}
	}
	return false
}

// findMirror picks the first archive whose path ends in /debian from either of
// apt's formats: `deb [options] URI suite …` and `URIs: URI …`.
func findMirror(text string) string {
	for _, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || (words[0] != "deb" && words[0] != "URIs:") {
			continue
		}
		for _, word := range words[1:] {
			uri := strings.TrimSuffix(word, "/")
			if strings.HasPrefix(uri, "http") && strings.HasSuffix(uri, "/debian") {
				return uri
			}
		}
	}
	return ""
}
