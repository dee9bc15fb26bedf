package run

import (
	"testing"

	"muster/playbooks/program"
)

func TestWaits(t *testing.T) {
	p := &program.Program{AfterAll: [][2]int32{{1, 0}}, Steps: []program.Step{
		{Name: "first", Vertices: []int32{0, 1}},
		{Name: "behind all of the first", Vertices: []int32{2, 3}},
		{Name: "one host after the other", Vertices: []int32{4, 5}, Batch: 1},
		{Name: "one batch", Vertices: []int32{6, 7}, Batch: 2},
	}}
	for i, want := range []bool{false, true, true, false} {
		if got := waits(p, int32(i)); got != want {
			t.Errorf("%s: %v, want %v", p.Steps[i].Name, got, want)
		}
	}
}
