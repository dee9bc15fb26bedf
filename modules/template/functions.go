package template

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
)

// budget is how much the functions of one rendering may still make: bytes, with
// elementCost more per list element. A few lines of template could otherwise
// double a string until the memory is full.
type budget struct{ left int }

const (
	maxMade     = 8 << 20
	elementCost = 64
	// maxWidth is the largest width or precision that widePattern lets through.
	maxWidth = 999
)

var errBudget = fmt.Errorf("the template makes more than %d bytes on its way", maxMade)

func (b *budget) spend(n int) error {
	if n < 0 || n > b.left {
		return errBudget
	}
	b.left -= n
	return nil
}

// functions are those of one rendering. They come beside the built-in ones, and
// instead of those that have no bound.
func functions() template.FuncMap {
	b := &budget{left: maxMade}
	escape := func(...any) (string, error) { return "", errors.New("it is not available here") }
	return template.FuncMap{
		"split": b.split, "trim": strings.TrimSpace, "lower": strings.ToLower, "upper": strings.ToUpper,
		"printf": b.printf, "print": b.print, "println": b.println,
		"html": escape, "js": escape, "urlquery": escape,
	}
}

func (b *budget) split(s, sep string) ([]string, error) {
	n := strings.Count(s, sep) + 1
	if err := b.spend(len(s) + n*elementCost); err != nil {
		return nil, err
	}
	return strings.Split(s, sep), nil
}

func (b *budget) print(a ...any) (string, error) {
	if err := b.spend(size(a, 0)); err != nil {
		return "", err
	}
	return fmt.Sprint(a...), nil
}

func (b *budget) println(a ...any) (string, error) {
	if err := b.spend(size(a, 0)); err != nil {
		return "", err
	}
	return fmt.Sprintln(a...), nil
}

// widePattern finds widths and precisions above maxWidth, and those that come as
// arguments.
var widePattern = regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{4}|\*)`)

func (b *budget) printf(format string, a ...any) (string, error) {
	if widePattern.MatchString(format) {
		return "", fmt.Errorf("width or precision is over %d", maxWidth)
	}
	// %[1]s may name one argument again and again.
	verbs, width := strings.Count(format, "%"), 0
	if strings.ContainsAny(format, "0123456789") {
		width = maxWidth
	}
	if err := b.spend(len(format) + verbs*size(a, width)); err != nil {
		return "", err
	}
	return fmt.Sprintf(format, a...), nil
}

// size is at least what the values take as text, each no narrower than width.
func size(a []any, width int) int {
	n := 0
	for _, v := range a {
		switch v := v.(type) {
		case string:
			n += max(4*len(v), width)
		case []string:
			for _, s := range v {
				n += max(4*len(s), width) + elementCost
			}
		case map[string]string:
			for k, s := range v {
				n += max(4*(len(k)+len(s)), 2*width) + elementCost
			}
		default:
			n += max(elementCost, width)
		}
	}
	return n
}
