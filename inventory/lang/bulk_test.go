package lang

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// cpuTime is what the test has used of the processor.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// TestListFunctionsAreLinear: names in a tuple, as `for` makes them. Forty times as
// many must not take more than a thousand times as long, as they do where all pairs
// are compared. Processor time is taken, since the machine may be busy.
func TestListFunctionsAreLinear(t *testing.T) {
	tuple := func(n int) cty.Value {
		names := make([]cty.Value, n)
		for i := range names {
			names[i] = cty.StringVal(fmt.Sprintf("n%05d", i))
		}
		return cty.TupleVal(names)
	}
	few, many := tuple(100), tuple(4000)
	for _, src := range []string{
		`join(",", names)`, `sort(names)`, `distinct(names)`, `compact(names)`, `fold(names)`, `tolist(names)`,
		`contains(names, "z")`, `concat(names, names)`, `reverse(names)`, `alltrue([for n in names : n != ""])`,
		`zipmap(names, names)`, `formatlist("%s.x", names)`, `flatten([names, names])`, `try(index(names, "z"), -1)`,
	} {
		cost := func(names cty.Value) time.Duration {
			best := time.Hour
			for range 3 {
				start := cpuTime(t)
				if _, diags := eval(t, src, map[string]cty.Value{"names": names}); diags.HasErrors() {
					t.Fatalf("%s: %s", src, diags)
				}
				best = min(best, cpuTime(t)-start)
			}
			return best
		}
		if small, big := cost(few), cost(many); big > 200*max(small, 250*time.Microsecond) {
			t.Errorf("%s: %v for 100, %v for 4000", src, small, big)
		}
	}
}
