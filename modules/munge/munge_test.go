package munge_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/munge"
)

func TestCases(t *testing.T) { modtest.Run(t, munge.Module, "testdata/*.txtar") }
