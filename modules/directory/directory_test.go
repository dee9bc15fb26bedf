package directory_test

import (
	"testing"

	"muster/modules/directory"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, directory.Module, "testdata/*.txtar") }
