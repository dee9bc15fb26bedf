package line_test

import (
	"testing"

	"muster/modules/line"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, line.Module, "testdata/*.txtar") }
