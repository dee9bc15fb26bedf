package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"muster/modules/machine"
)

const (
	// listsAge is how old muster's package lists may be before they are fetched
	// again: long enough for a plan and its apply to see the same.
	listsAge = 15 * time.Minute
	// lockTime is how long somebody else may hold dpkg's locks.
	lockTime = 10 * time.Minute
	aptTime  = time.Hour
)

// validDeb is a package name, with an architecture if it has one (Debian policy
// 5.6.1): nothing that apt could take for an option or a pattern.
var validDeb = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?$`)

// apt is Debian's and Ubuntu's packager. It keeps lists and caches of its own, so
// that a plan changes none of the node's.
type apt struct {
	store *Store
	dpkg  *dpkg
	dir   string

	mu    sync.Mutex
	known map[string]string // candidates since the lists were read; "" for none
	of    time.Time         // the lists' time that known belongs to
}

// options are apt's options for every call.
func (a *apt) options() []string {
	return []string{
		"-o", "Dir::State::lists=" + filepath.Join(a.dir, "lists"),
		"-o", "Dir::Cache::pkgcache=" + filepath.Join(a.dir, "pkgcache.bin"),
		"-o", "Dir::Cache::srcpkgcache=" + filepath.Join(a.dir, "srcpkgcache.bin"),
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::Retries=3",
		"-o", "Dpkg::Use-Pty=0",
		"-q",
	}
}

// quietly is the environment in which neither debconf nor its friends ask.
var quietly = []string{
	"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "UCF_FORCE_CONFFOLD=1",
	"APT_LISTCHANGES_FRONTEND=none", "APT_LISTBUGS_FRONTEND=none",
	"NEEDRESTART_SUSPEND=1", "NEEDRESTART_MODE=l",
}

func (a *apt) installed(name string) (string, int64, error) { return a.dpkg.installed(name) }

func (a *apt) stamp() string { return filepath.Join(a.dir, "updated") }

// refresh fetches the package lists where they are missing, old, or older than the
// sources they come from.
func (a *apt) refresh(ctx context.Context) (time.Time, error) {
	info, err := os.Stat(a.stamp())
	if err == nil && time.Since(info.ModTime()) < listsAge && a.sourcesTime().Before(info.ModTime()) {
		return info.ModTime(), nil
	}
	// apt's own user fetches into lists/partial.
	if err := errors.Join(os.MkdirAll(a.dir, 0o755), a.seedFrom(systemLists), os.MkdirAll(filepath.Join(a.dir, "lists"), 0o755)); err != nil {
		return time.Time{}, err
	}
	argv := append([]string{"apt-get"}, a.options()...)
	argv = append(argv, "-o", "APT::Update::Error-Mode=any", "update")
	res, err := a.store.run(ctx, program{argv: argv, env: quietly, timeout: 10 * time.Minute})
	if err == nil && res.Exit != 0 {
		err = aptCause(res)
	}
	if err != nil {
		return time.Time{}, &machine.Error{Object: "package", Op: "lists", Err: err, Command: argv,
			Exit: res.Exit, Stderr: res.Stderr, Hint: "can the node reach its package sources?"}
	}
	if err := os.WriteFile(a.stamp(), nil, 0o644); err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	if err := os.Chtimes(a.stamp(), now, now); err != nil {
		return time.Time{}, err
	}
	return now, nil
}

// sourcesTime is when apt's configuration last changed.
func (a *apt) sourcesTime() time.Time {
	var last time.Time
	for _, pattern := range []string{"sources.list", "sources.list.d", "sources.list.d/*", "preferences",
		"preferences.d/*", "trusted.gpg.d/*", "keyrings/*"} {
		paths, _ := filepath.Glob(filepath.Join("/etc/apt", pattern))
		for _, p := range paths {
			if info, err := os.Stat(p); err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
		}
	}
	return last
}

// candidates asks apt once for all names that are not known yet.
func (a *apt) candidates(ctx context.Context, names []string) (map[string]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, err := a.refresh(ctx)
	if err != nil {
		return nil, err
	}
	if !at.Equal(a.of) || a.known == nil {
		a.known, a.of = map[string]string{}, at
	}
	var ask []string
	for _, n := range names {
		if _, ok := a.known[n]; !ok {
			if !validDeb.MatchString(n) {
				return nil, fmt.Errorf("%q is no package name", n)
			}
			ask = append(ask, n)
		}
	}
	if len(ask) > 0 {
		if err := a.policy(ctx, ask); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	for _, n := range names {
		if v := a.known[n]; v != "" {
			out[n] = v
		}
	}
	return out, nil
}

// outOfSync is what apt says when a dpkg that runs beside it has changed the status
// file while it was read: the next look is well.
const outOfSync = "Cache is out of sync"

// ask runs one of apt's reading programs.
func (a *apt) ask(ctx context.Context, argv []string) (machine.Result, error) {
	res, err := a.store.run(ctx, program{argv: argv, timeout: 2 * time.Minute, whole: true})
	if err == nil && res.Exit != 0 {
		err = aptCause(res)
	}
	return res, err
}

func (a *apt) policy(ctx context.Context, names []string) error {
	argv := append([]string{"apt-cache"}, a.options()...)
	argv = append(append(argv, "policy"), names...)
	res, err := a.ask(ctx, argv)
	for try := 1; try < 5 && err != nil && strings.Contains(err.Error(), outOfSync); try++ {
		time.Sleep(time.Duration(try) * 100 * time.Millisecond)
		res, err = a.ask(ctx, argv)
	}
	if err != nil {
		return err
	}
	found := parsePolicy(res.Stdout)
	for _, n := range names {
		a.known[n] = found[n]
	}
	return nil
}

// parsePolicy reads the candidates from `apt-cache policy`: a line with the name
// and a colon, then indented fields. Names without a candidate are left out.
func parsePolicy(text string) map[string]string {
	out, name := map[string]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			name = strings.TrimSuffix(line, ":")
		} else if v, ok := strings.CutPrefix(line, "  Candidate: "); ok && v != "(none)" {
			out[name] = v
		}
	}
	return out
}

var notFound = regexp.MustCompile(`Version '[^']*' for '[^']*' was not found`)

// aptCause picks the line that says why from what apt printed.
func aptCause(res machine.Result) error {
	text := res.Stderr + "\n" + res.Stdout
	if m := notFound.FindString(text); m != "" {
		return fmt.Errorf("%w: %s", ErrStale, strings.ToLower(m[:1])+m[1:])
	}
	for line := range strings.Lines(text) {
		if cause, ok := strings.CutPrefix(line, "E: "); ok {
			return errors.New(strings.TrimSpace(cause))
		}
	}
	return fmt.Errorf("exit status %d", res.Exit)
}
