package linux

import (
	"context"
	"strings"
)

// Vertex says on whose behalf the store works. Jobs are named after it, and what
// programs print goes to Output as it comes.
type Vertex struct {
	Run    string       // run id
	Name   string       // slurm_node[compute]@dgx07
	Output func(string) // may be nil
}

type vertexKey struct{}

// WithVertex returns a context whose calls work for v.
func WithVertex(ctx context.Context, v Vertex) context.Context {
	return context.WithValue(ctx, vertexKey{}, v)
}

func vertexOf(ctx context.Context) Vertex {
	v, _ := ctx.Value(vertexKey{}).(Vertex)
	if v.Run == "" {
		v.Run = "none"
	}
	return v
}

// say passes a line of muster's own on to the vertex's output.
func say(ctx context.Context, line string) {
	if out := vertexOf(ctx).Output; out != nil {
		out(line + "\n")
	}
}

// unitWord turns text into what may stand in a unit's name.
func unitWord(text string, limit int) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.", r) {
			return r
		}
		return '_'
	}, text)
	return out[:min(len(out), limit)]
}
