package group_test

import (
	"testing"

	"muster/modules/group"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, group.Module, "testdata/*.txtar") }
