package sim

import (
	_ "embed"
	"encoding/json"
	"strings"

	"muster/modules/machine"
	"muster/modules/mariadb"
	"muster/modules/slurm"
)

// Answer is what a program printed on a container node. What differs from node to
// node stands in it as a name in braces, such as {database}.
type Answer struct {
	Name   string   `json:"name"`
	Argv   []string `json:"argv"`
	Exit   int      `json:"exit"`
	Stdout []string `json:"stdout"` // lines, without their ends
	Stderr []string `json:"stderr"`
}

// Questions are the programs that simulated nodes answer, without their answers.
// TestRecordedAnswers of the package integration asks real nodes.
func Questions() []Answer {
	sql := func(name, statement string) Answer {
		return Answer{Name: name, Argv: append(append([]string{}, mariadb.Reads...), "--execute="+statement)}
	}
	return []Answer{
		sql("database", "SHOW CREATE DATABASE `{database}`"), sql("no database", "SHOW CREATE DATABASE `{database}`"),
		sql("account", "SHOW GRANTS FOR '{name}'@'{host}'"), sql("no account", "SHOW GRANTS FOR '{name}'@'{host}'"),
		{Name: "nodes", Argv: slurm.StateReads},
	}
}

//go:embed testdata/recorded.json
var recordedText []byte

// recorded are the answers by name.
var recorded = func() map[string]Answer {
	var list []Answer
	if err := json.Unmarshal(recordedText, &list); err != nil {
		panic("sim: testdata/recorded.json: " + err.Error()) // a test writes it
	}
	byName := map[string]Answer{}
	for _, a := range list {
		byName[a.Name] = a
	}
	return byName
}()

// answer is a recorded answer; ok is false when there is none of that name.
func answer(name, repeat string, values []string, fixed ...string) (res machine.Result, ok bool) {
	a, ok := recorded[name]
	return machine.Result{Exit: a.Exit, Stdout: text(a.Stdout, repeat, values, fixed...), Stderr: text(a.Stderr, repeat, values, fixed...)}, ok
}

// text gives lines of an answer with what stands for the names in braces. A line that
// has the name repeat in it comes once for each of its values.
func text(lines []string, repeat string, values []string, fixed ...string) string {
	r := strings.NewReplacer(fixed...)
	var b strings.Builder
	for _, line := range lines {
		if repeat == "" || !strings.Contains(line, repeat) {
			b.WriteString(r.Replace(line) + "\n")
			continue
		}
		for _, v := range values {
			b.WriteString(r.Replace(strings.ReplaceAll(line, repeat, v)) + "\n")
		}
	}
	return b.String()
}
