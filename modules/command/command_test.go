package command_test

import (
	"testing"

	"muster/modules/command"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, command.Module, "testdata/*.txtar") }
