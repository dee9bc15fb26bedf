// Package slurmdatabase is the module `slurm_database`: slurmdbd, SLURM's
// accounting daemon, with its database.
package slurmdatabase

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/mariadb"
	"muster/modules/slurm"
)

// Module is the module `slurm_database`.
var Module = modules.Module{
	Name: "slurm_database",
	Doc: "Installs slurmdbd, SLURM's accounting daemon, makes its database and account, and keeps it running.\n\n" +
		"With storage_host localhost the database server is on the same host, set up by a step `mariadb` before this one; database and account are made here. " +
		"With another storage_host they have to exist there. munge has to run with the cluster's key.",
	Example: `step "slurm_database" "accounting" {
  on       = "slurm_controller"
  password = secret.slurm_db_password
}`,
	New: func() modules.Config {
		return &Config{StorageHost: "localhost", User: "slurm", Database: "slurm_acct_db", Purge: "12month"}
	},
	Reads: [][]string{mariadb.Reads},
	OS:    []string{"debian", "ubuntu"},
}

// Config holds the arguments of `slurm_database`.
type Config struct {
	Password    modules.Secret    `arg:"password,required" doc:"password of the database account; binary bytes stand for the hexadecimal digits of their SHA-256"`
	StorageHost string            `arg:"storage_host" doc:"host of the database server"`
	User        string            `arg:"user" doc:"name of the database account"`
	Database    string            `arg:"database" doc:"name of the database"`
	Purge       string            `arg:"purge_after" doc:"how long records are kept, such as 12month; empty: for ever"`
	Backup      string            `arg:"backup_host" doc:"short name of the host of a second slurmdbd"`
	Options     map[string]string `arg:"options" doc:"further keys of slurmdbd.conf, or other values for those that muster writes"`
}

const confPath = slurm.Dir + "/slurmdbd.conf"

// ready succeeds once slurmdbd takes connections, which it does only after it has
// made or converted its tables. Its commands need a slurm.conf, which this host
// may not have.
var ready = []string{"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/6819"}

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	purgePattern = regexp.MustCompile(`^([1-9][0-9]{0,5}(hour|day|month)s?)?$`)
	keyPattern   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
)

// Validate checks names and options.
func (c *Config) Validate() error {
	if !namePattern.MatchString(c.StorageHost) {
		return modules.BadArg("storage_host", "%q is no host name", c.StorageHost)
	}
	if c.Backup != "" && !namePattern.MatchString(c.Backup) {
		return modules.BadArg("backup_host", "%q is no host name", c.Backup)
	}
	if !purgePattern.MatchString(c.Purge) {
		return modules.BadArg("purge_after", "%q: write a number and hour, day or month", c.Purge)
	}
	for k, v := range c.Options {
		if !keyPattern.MatchString(k) || strings.ContainsAny(v, "\n\r\x00#") {
			return modules.BadArg("options", "%s=%s is no key of slurmdbd.conf", k, v)
		}
		if slices.Contains([]string{"storagepass", "storageuser", "storageloc", "storagehost", "dbdhost"}, strings.ToLower(k)) {
			return modules.BadArg("options", "%s: has an argument of its own, or follows from the host", k)
		}
	}
	return modules.FirstError(
		mariadb.CheckAccount("user", c.account()),
		mariadb.CheckDatabase("database", c.Database),
		mariadb.CheckPassword("password", c.Password),
	)
}

// Derived are the password as slurmdbd.conf has it, and its hash.
func (c *Config) Derived() []string { return mariadb.Derived(c.Password) }

func (c *Config) account() string { return c.User + "@localhost" }

// Ensure makes database, account, configuration and daemon so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if err := modules.EnsurePackages(ctx, m, "slurmdbd", "slurm-wlm-mysql-plugin", "slurm-client"); err != nil {
		return err
	}
	host, err := m.Read(ctx, machine.Ref{Table: "hostname"}, "name")
	if err != nil {
		return err
	}
	if c.StorageHost == "localhost" {
		if err := m.Set(ctx, mariadb.DatabaseItem(c.Database), mariadb.UserItem(c.account(), c.Password, c.Database)); err != nil {
			return err
		}
	}
	conf := modules.Secret{Name: c.Password.Name, Pending: c.Password.Pending, Bytes: []byte(c.conf(slurm.Short(host.Get("name").S)))}
	if err := m.Set(ctx, modules.SecretFileItem(confPath, conf, "0600", "slurm", "slurm")); err != nil {
		return err
	}
	return machine.EnsureUnit(ctx, m, machine.Unit{
		Name: slurm.DatabaseUnit, Running: true, Enabled: true, Ready: ready,
		Inputs: []machine.Input{{File: confPath}, {Package: "slurmdbd"}, {Package: "slurm-wlm-mysql-plugin"}},
	})
}

// conf is slurmdbd.conf. slurmdbd refuses to start where DbdHost is not the short
// name of its host.
func (c *Config) conf(host string) string {
	keys := [][2]string{
		{"AuthType", "auth/munge"}, {"DbdHost", host}, {"DbdBackupHost", c.Backup}, {"SlurmUser", "slurm"},
		{"StorageType", "accounting_storage/mysql"}, {"StorageHost", c.StorageHost}, {"StorageLoc", c.Database},
		{"StorageUser", c.User}, {"StoragePass", mariadb.Password(c.Password)},
		{"LogFile", "/var/log/slurm/slurmdbd.log"}, {"PidFile", "/run/slurmdbd/slurmdbd.pid"},
	}
	for _, what := range []string{"Event", "Job", "Resv", "Step", "Suspend", "TXN", "Usage"} {
		keys = append(keys, [2]string{"Purge" + what + "After", c.Purge})
	}
	out := "# Written by muster. Changes made here by hand are put back by the next apply.\n"
	used := map[string]bool{}
	for _, kv := range keys {
		for k, v := range c.Options {
			if strings.EqualFold(k, kv[0]) {
				kv[1], used[k] = v, true
			}
		}
		if kv[1] != "" {
			out += fmt.Sprintf("%s=%s\n", kv[0], kv[1])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.Options)) {
		if !used[k] && c.Options[k] != "" {
			out += fmt.Sprintf("%s=%s\n", k, c.Options[k])
		}
	}
	return out
}
