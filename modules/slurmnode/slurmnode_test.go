package slurmnode_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/slurmnode"
)

func TestCases(t *testing.T) { modtest.Run(t, slurmnode.Module, "testdata/*.txtar") }
