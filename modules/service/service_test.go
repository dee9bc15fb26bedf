package service_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/service"
)

func TestCases(t *testing.T) { modtest.Run(t, service.Module, "testdata/*.txtar") }
