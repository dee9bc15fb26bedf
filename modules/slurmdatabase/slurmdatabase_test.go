package slurmdatabase_test

import (
	"testing"

	"muster/modules/mariadb"
	"muster/modules/modtest"
	"muster/modules/slurmdatabase"
)

func TestCases(t *testing.T) {
	modtest.Run(t, slurmdatabase.Module, "testdata/*.txtar", mariadb.DatabaseTable{}, mariadb.UserTable{})
}
