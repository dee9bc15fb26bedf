// Package mariadb is the module `mariadb`: the database server that keeps
// SLURM's accounting. Its tables, databases and accounts, serve other modules
// too.
package mariadb

import (
	"context"
	"fmt"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `mariadb`.
var Module = modules.Module{
	Name: "mariadb",
	Doc: "Installs MariaDB with settings that SLURM's accounting wants, keeps it running, and makes databases and accounts.\n\n" +
		"slurm_database makes its own database and account where the server is on the same host; the blocks are for others. " +
		"The packaged root account, which only root on the node itself can use, is how the module reaches the server.",
	Example: `step "mariadb" "accounting" {
  on          = "slurm_controller"
  buffer_pool = "4G"

  database "slurm_acct_db" {}

  user "slurm@localhost" {
    password = secret.slurm_db_password
    database = "slurm_acct_db"
  }
}`,
	New:    func() modules.Config { return &Config{} },
	Tables: []machine.Table{DatabaseTable{}, UserTable{}},
	Reads:  [][]string{Reads},
	OS:     []string{"debian", "ubuntu"},
}

// Config holds the arguments of `mariadb`.
type Config struct {
	BufferPool string            `arg:"buffer_pool" doc:"innodb_buffer_pool_size, such as 4G; by default an eighth of the memory, at least 256M and at most 4G"`
	Options    map[string]string `arg:"options" doc:"further settings of the server, in the section [mariadbd]"`
	Databases  []Database        `arg:"database,block" doc:"a database"`
	Users      []User            `arg:"user,block" doc:"an account"`
}

// Database is a database to make.
type Database struct {
	Name string `arg:"name,label" doc:"name of the database"`
}

// User is an account with all privileges on one database.
type User struct {
	Name     string         `arg:"name,label" doc:"name@host"`
	Password modules.Secret `arg:"password,required" doc:"its password; binary bytes stand for the hexadecimal digits of their SHA-256"`
	Database string         `arg:"database,required" doc:"the database that it owns"`
}

// Names of the packages, the unit and the file.
const (
	Package = "mariadb-server"
	Unit    = "mariadb.service"
	cnfPath = "/etc/mysql/mariadb.conf.d/90-muster.cnf"
)

// Validate checks names and settings.
func (c *Config) Validate() error {
	if c.BufferPool != "" && !sizePattern.MatchString(c.BufferPool) {
		return modules.BadArg("buffer_pool", "%q: write a number with M or G", c.BufferPool)
	}
	for k, v := range c.Options {
		if !settingPattern.MatchString(k) || !valuePattern.MatchString(v) {
			return modules.BadArg("options", "%s=%s is no setting", k, v)
		}
	}
	for _, d := range c.Databases {
		if err := CheckDatabase("database", d.Name); err != nil {
			return err
		}
	}
	for _, u := range c.Users {
		if err := modules.FirstError(CheckAccount("user", u.Name), CheckDatabase("user.database", u.Database), CheckPassword("user.password", u.Password)); err != nil {
			return err
		}
	}
	return nil
}

// Derived are the passwords of the accounts as the server and its files have them.
func (c *Config) Derived() []string {
	var out []string
	for _, u := range c.Users {
		out = append(out, Derived(u.Password)...)
	}
	return out
}

// Ensure makes server, databases and accounts so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if err := modules.EnsurePackages(ctx, m, Package); err != nil {
		return err
	}
	parents, err := modules.ParentItems(ctx, m, cnfPath)
	if err != nil {
		return err
	}
	if err := m.Set(ctx, append(parents, modules.FileItem(cnfPath, c.cnf(m.Facts().MemoryMB), "0644", "root", "root"))...); err != nil {
		return err
	}
	err = machine.EnsureUnit(ctx, m, machine.Unit{
		Name: Unit, Running: true, Enabled: true,
		Inputs: []machine.Input{{File: cnfPath}, {Package: Package}},
	})
	if err != nil {
		return err
	}
	for _, d := range c.Databases {
		if err := m.Set(ctx, DatabaseItem(d.Name)); err != nil {
			return err
		}
	}
	for _, u := range c.Users {
		if err := m.Set(ctx, UserItem(u.Name, u.Password, u.Database)); err != nil {
			return err
		}
	}
	return nil
}

// Bounds of the buffer pool, in MiB. SLURM recommends 4 GiB; a small lab node
// must not give its memory to a database.
const (
	minPool = 256
	maxPool = 4096
)

// cnf is the settings file. slurmdbd complains in its log where the lock time-out,
// the log or the packet are smaller than these.
func (c *Config) cnf(memoryMB int) string {
	pool := c.BufferPool
	if pool == "" {
		pool = fmt.Sprintf("%dM", min(max(memoryMB/8, minPool), maxPool))
	}
	out := "# Written by muster.\n[mariadbd]\n" +
		"innodb_buffer_pool_size = " + pool + "\n" +
		"innodb_log_file_size = 128M\ninnodb_lock_wait_timeout = 900\nmax_allowed_packet = 16M\n"
	for _, k := range sortedKeys(c.Options) {
		out += k + " = " + c.Options[k] + "\n"
	}
	return out
}
