package slurmcontroller_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/slurmcontroller"
)

func TestCases(t *testing.T) { modtest.Run(t, slurmcontroller.Module, "testdata/*.txtar") }
