package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"muster/playbooks/run"
)

// isTerminal says whether w is a terminal that may be coloured.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

// ask wants a yes. Anything else, and the end of the input, is a no.
func (a *app) ask(ctx context.Context, question string) error {
	fmt.Fprintf(a.out, "\n%s Only 'yes' is a yes: ", question)
	answer := make(chan string, 1)
	ended := false // before answer is sent
	go func() {
		line, err := bufio.NewReader(a.in).ReadString('\n') // no input is no consent
		ended = err != nil && line == ""
		answer <- line
	}()
	select {
	case line := <-answer:
		if strings.TrimSpace(line) != "yes" {
			fmt.Fprintln(a.out, "\nNothing was changed.")
			if ended {
				fmt.Fprintln(a.err, "muster: stdin ended: use --yes")
			}
			return run.ErrDeclined
		}
		fmt.Fprintln(a.out)
		return nil
	case <-ctx.Done():
		fmt.Fprintln(a.out)
		return ctx.Err()
	}
}

// terminalWidth measures a terminal, nil for anything else and where TERM says
// that it cannot move its cursor.
func terminalWidth(w io.Writer) func() int {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || os.Getenv("CI") != "" || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width == 0 {
			return 80
		}
		return width
	}
}
