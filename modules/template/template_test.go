package template_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/template"
)

func TestCases(t *testing.T) { modtest.Run(t, template.Module, "testdata/*.txtar") }
