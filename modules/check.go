package modules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster/modules/machine"
)

var (
	// modePattern: four octal digits, as states hold them.
	modePattern = regexp.MustCompile(`^[0-7]{4}$`)
	// namePattern is what useradd and groupadd of Debian and Red Hat both take.
	namePattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	// hostPattern is one label of RFC 1123; Linux host names hold 64 bytes at most.
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// CheckPath wants an absolute path in its shortest form.
func CheckPath(arg, p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return BadArg(arg, "%q is not an absolute path", p)
	case strings.ContainsAny(p, "\x00\n\r"):
		return BadArg(arg, "%q holds a line break or a NUL", p)
	case path.Clean(p) != p:
		return BadArg(arg, "%q is not in its shortest form, write %q", p, path.Clean(p))
	}
	return nil
}

// CheckMode wants four octal digits; empty is allowed.
func CheckMode(arg, mode string) error {
	if mode != "" && !modePattern.MatchString(mode) {
		return BadArg(arg, `%q is not a mode, write four octal digits such as "0644"`, mode)
	}
	return nil
}

// CheckOwner wants the name of a user or a group, or a decimal id; empty is
// allowed.
func CheckOwner(arg, name string) error {
	if _, err := strconv.ParseUint(name, 10, 32); name == "" || err == nil {
		return nil
	}
	return CheckName(arg, name)
}

// CheckName wants a name that a user or a group can have.
func CheckName(arg, name string) error {
	if !namePattern.MatchString(name) {
		return BadArg(arg, "%q is not a name: up to 32 of a-z, 0-9, - and _, beginning with a letter or _", name)
	}
	return nil
}

// CheckHostName wants a host name, with or without a domain.
func CheckHostName(arg, name string) error {
	if len(name) > 64 || !hostPattern.MatchString(name) {
		return BadArg(arg, "%q is not a host name: letters, digits and - in labels joined by dots, 64 in all", name)
	}
	return nil
}

// CheckOneOf wants one of the words.
func CheckOneOf(arg, value string, words ...string) error {
	if !slices.Contains(words, value) {
		return BadArg(arg, "%q is none of %s", value, strings.Join(words, ", "))
	}
	return nil
}

// FirstError returns the first of some checks that failed.
func FirstError(checks ...error) error {
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// CheckOS says whether module m supports the node's operating system, by its
// os-release ID.
func CheckOS(m Module, f machine.Facts) error {
	if len(m.OS) == 0 || slices.Contains(m.OS, f.OS) {
		return nil
	}
	return &machine.Error{
		Object: m.Name, Err: fmt.Errorf("does not support %s %s", f.OS, f.OSVer),
		Hint: "it supports " + strings.Join(m.OS, ", "),
	}
}
