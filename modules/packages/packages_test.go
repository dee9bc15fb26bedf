package packages_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/packages"
)

func TestCases(t *testing.T) { modtest.Run(t, packages.Module, "testdata/*.txtar") }
