package mariadb_test

import (
	"testing"

	"muster/modules/mariadb"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, mariadb.Module, "testdata/*.txtar") }
