package user_test

import (
	"testing"

	"muster/modules/modtest"
	"muster/modules/user"
)

func TestCases(t *testing.T) { modtest.Run(t, user.Module, "testdata/*.txtar") }
