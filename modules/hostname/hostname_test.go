package hostname_test

import (
	"testing"

	"muster/modules/hostname"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, hostname.Module, "testdata/*.txtar") }
