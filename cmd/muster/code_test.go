package main

import (
	"errors"
	"os/exec"
	"strconv"
)

// codeOf is the exit code in an error of os/exec, "?" for any other error.
func codeOf(err error) string {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return strconv.Itoa(e.ExitCode())
	}
	return "?"
}
