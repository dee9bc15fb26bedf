// Package view turns events into what people and programs read: the plan, lines,
// a report of failures, JSON. Nothing in it decides anything.
package view

import (
	"io"

	"github.com/charmbracelet/lipgloss"
)

// Paint colours text where the output is a terminal and NO_COLOR is not set.
type Paint struct {
	bold, dim, red, green, yellow lipgloss.Style
}

// NewPaint looks at what w is.
func NewPaint(w io.Writer) Paint {
	style := lipgloss.NewRenderer(w).NewStyle
	return Paint{
		bold: style().Bold(true), dim: style().Faint(true),
		red:    style().Foreground(lipgloss.Color("1")),
		green:  style().Foreground(lipgloss.Color("2")),
		yellow: style().Foreground(lipgloss.Color("3")),
	}
}

// Sign colours a line by its first sign: + green, - red, ~ yellow.
func (p Paint) sign(sign, s string) string {
	switch sign {
	case "+":
		return p.green.Render(s)
	case "-":
		return p.red.Render(s)
	case "~":
		return p.yellow.Render(s)
	}
	return s
}
