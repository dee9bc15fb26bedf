package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"muster/integration/lab"
	"muster/integration/lab/sim"
)

// recordedFile is what simulated nodes answer.
const recordedFile = "lab/sim/testdata/recorded.json"

// askedOf are what the names in the questions stand for on a node with slurm-cluster.
var askedOf = map[string]map[string]string{
	"database": {"database": "slurm_acct_db"}, "no database": {"database": "nowhere"},
	"account": {"name": "slurm", "host": "localhost", "database": "slurm_acct_db"}, "no account": {"name": "nobody", "host": "localhost"},
	"nodes": {},
}

// recordedAnswers runs what simulated nodes answer on a controller, and compares with
// the recording; -update writes it.
func recordedAnswers(t *testing.T, c *cluster) {
	var got []sim.Answer
	for _, q := range sim.Questions() {
		got = append(got, answered(t, c.Lab, q))
	}
	if *update {
		body, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recordedFile, append(body, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	body, err := os.ReadFile(filepath.FromSlash(recordedFile))
	if err != nil {
		t.Fatal(err)
	}
	var want []sim.Answer
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("real nodes answer\n%+v\nsimulated ones\n%+v", got, want)
	}
}

// answered asks a question on the controller.
func answered(t *testing.T, l *lab.Lab, q sim.Answer) sim.Answer {
	t.Helper()
	values := askedOf[q.Name]
	argv := []string{"sh", "-c", `"$@" >/tmp/stdout 2>/tmp/stderr; echo $?`, "sh"}
	for _, a := range q.Argv {
		for name, v := range values {
			a = strings.ReplaceAll(a, "{"+name+"}", v)
		}
		argv = append(argv, a)
	}
	out, err := l.Exec(t.Context(), "ctl01", argv...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", q.Name, err, out)
	}
	if q.Exit, err = strconv.Atoi(strings.TrimSpace(out)); err != nil {
		t.Fatalf("%s: %q", q.Name, out)
	}
	read := func(path string) []string {
		text, err := l.Exec(t.Context(), "ctl01", "cat", path)
		if err != nil {
			t.Fatal(err)
		}
		return named(text, values)
	}
	q.Stdout, q.Stderr = read("/tmp/stdout"), read("/tmp/stderr")
	return q
}

var (
	hashText = regexp.MustCompile(`\*[0-9A-F]{40}`)
	nodeLine = regexp.MustCompile(`(?m)^([a-z0-9]+)\|(\w+)\|(.*)\|(\d+)\|(\d+)\|`)
)

// named puts names in braces in the place of what differs from node to node. Nodes of
// SLURM are one line: they have all the same.
func named(text string, values map[string]string) []string {
	text = hashText.ReplaceAllString(text, "{hash}")
	if db := values["database"]; db != "" {
		text = strings.ReplaceAll(text, "ALL PRIVILEGES ON `"+db+"`.*", "{grant}")
	}
	for name, v := range values {
		for _, quote := range []string{"'", "`"} {
			text = strings.ReplaceAll(text, quote+v+quote, quote+"{"+name+"}"+quote)
		}
		text = regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(v)+`\t`).ReplaceAllString(text, "{"+name+"}\t")
	}
	text = nodeLine.ReplaceAllString(text, "{node}|idle|$3|{cpus}|{memory}|")
	lines := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	return lines
}
