package slurmclient_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/slurmclient"
)

func TestCases(t *testing.T) { modtest.Run(t, slurmclient.Module, "testdata/*.txtar") }
