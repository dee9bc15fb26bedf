package hostsfile_test

import (
	"testing"

	"muster/modules/hostsfile"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, hostsfile.Module, "testdata/*.txtar") }
