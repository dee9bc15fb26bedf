package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster/cmd/muster/view"
	"muster/playbooks/run"
)

// flags are those that every verb takes; a verb ignores what it has no use for.
type flags struct {
	inventory, limit string
	extra            []string
	identity         string
	user, hostKey    string
	askBecome        bool
	becomeFile       string
	askLogin         bool
	verbose, json    bool
	parallel         int
	lockTimeout      time.Duration
	reconnect        time.Duration

	vars      map[string]string // of extra
	become    []byte            // sudo's password, read once
	login     []byte            // the SSH password, read once
	passwords bool              // they have been read
}

func (f *flags) register(root *cobra.Command) {
	p := root.PersistentFlags()
	p.StringVarP(&f.inventory, "inventory", "i", "", "inventory, a file or a folder (default $MUSTER_INVENTORY, ./inventory.hcl)")
	p.StringVarP(&f.limit, "limit", "l", "", "only these hosts: dgx[01-03], a group, gpu:&rack1:!dgx07, @file")
	p.StringArrayVarP(&f.extra, "extra-vars", "e", nil, "a variable, KEY=VALUE (may be repeated)")
	p.StringVar(&f.identity, "identity", "", "age identity that opens secrets (default $MUSTER_AGE_IDENTITY, ~/.config/muster/age.txt)")
	p.StringVarP(&f.user, "user", "u", "", "login user")
	p.StringVar(&f.hostKey, "host-key", "", "unknown host keys: strict or accept-new (default: what the inventory says)")
	p.BoolVarP(&f.askBecome, "ask-become-pass", "K", false, "ask for the password of sudo")
	p.StringVar(&f.becomeFile, "become-password-file", "", "file with the password of sudo")
	p.BoolVarP(&f.askLogin, "ask-pass", "k", false, "ask for the password of the login user")
	p.BoolVarP(&f.verbose, "verbose", "v", false, "more lines: starts, output of steps, files, diffs and every node's values whole")
	p.BoolVar(&f.json, "json", false, "events as JSON, one per line")
	p.IntVarP(&f.parallel, "forks", "f", 0, "hosts at once, 0 for all")
	p.DurationVar(&f.reconnect, "reconnect", run.DefaultReconnect, "how long a node that was lost in the middle is tried again")
	p.DurationVar(&f.lockTimeout, "lock-timeout", 0, "how long to wait for nodes that another run holds")
}

// check reads what the flags say, before any verb runs. An empty -l, mostly a shell
// variable that is not set, must not mean all hosts.
func (f *flags) check(a *app, limited bool) error {
	if f.json {
		a.json = view.NewJSON(a.out)
	}
	if limited && strings.TrimSpace(f.limit) == "" {
		return usage("limit is empty: -l wants hosts or a group; leave it out for all hosts")
	}
	f.vars = map[string]string{}
	for _, kv := range f.extra {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return usage("-e %s: write KEY=VALUE", kv)
		}
		f.vars[k] = v
	}
	if f.hostKey != "" && f.hostKey != "strict" && f.hostKey != "accept-new" {
		return usage("--host-key=%s: write strict or accept-new", f.hostKey)
	}
	if f.parallel < 0 {
		return usage("-f %d: write a number of hosts, 0 for all", f.parallel)
	}
	if f.reconnect <= 0 {
		return usage("--reconnect %s: write a time above 0, such as 30s", f.reconnect)
	}
	if f.askBecome && f.becomeFile != "" {
		return usage("-K and --become-password-file say the same: give one of them")
	}
	return nil
}

// readPasswords asks for what -K and -k want, once.
func (f *flags) readPasswords(a *app) error {
	if f.passwords {
		return nil
	}
	f.passwords = true
	var err error
	if f.askLogin {
		if f.login, err = a.password("SSH password: "); err != nil {
			return err
		}
	}
	switch {
	case f.becomeFile != "":
		f.become, err = readPasswordFile(f.becomeFile)
	case f.askBecome:
		f.become, err = a.password("sudo password: ")
	}
	return err
}

// maxPassword is the longest password, in bytes.
const maxPassword = 4096

func readPasswordFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--become-password-file: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxPassword+1))
	if err != nil {
		return nil, fmt.Errorf("--become-password-file: %w", err)
	}
	if b, err = onePassword(b); err != nil {
		return nil, usage("--become-password-file %s: %v", path, err)
	}
	return b, nil
}

// onePassword takes the end of its line away from a password. A further line would be
// read as a second attempt.
func onePassword(b []byte) ([]byte, error) {
	b = bytes.TrimRight(b, "\r\n")
	if len(b) == 0 || len(b) > maxPassword || bytes.ContainsAny(b, "\n\x00") {
		return nil, fmt.Errorf("a password is one line of at most %d bytes", maxPassword)
	}
	return b, nil
}

// password asks on the terminal, without echo.
func (a *app) password(prompt string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, errors.New("-K and -k need a terminal: use --become-password-file")
	}
	return a.readHidden(tty, prompt)
}

// readHidden asks on a terminal, which it closes. The read cannot be taken back,
// so an interrupt leaves it behind and gives the terminal its echo again.
func (a *app) readHidden(tty *os.File, prompt string) ([]byte, error) {
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, errors.Join(err, tty.Close())
	}
	type line struct {
		text []byte
		err  error
	}
	got := make(chan line, 1)
	fmt.Fprint(tty, prompt)
	go func() {
		b, err := term.ReadPassword(fd)
		got <- line{b, err}
	}()
	select {
	case l := <-got:
		fmt.Fprintln(tty)
		return l.text, errors.Join(l.err, tty.Close())
	case <-a.interrupt:
		fmt.Fprintln(tty)
		_ = term.Restore(fd, before) // muster ends here, and the terminal may be gone
		return nil, exit(run.ExitInterrupted)
	}
}
