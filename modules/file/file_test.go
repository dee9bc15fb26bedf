package file_test

import (
	"testing"

	"muster/modules/file"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, file.Module, "testdata/*.txtar") }
