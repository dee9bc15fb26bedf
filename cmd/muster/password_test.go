package main

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"muster/playbooks/run"
)

// terminal makes a pair: what a person sits at, and what a program reads.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	n, err1 := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	err2 := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	program, err3 := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return person, program
}

func TestPasswordIsReadFromTheTerminal(t *testing.T) {
	person, program := terminal(t)
	a := &app{interrupt: make(chan struct{})}
	go func() { _, _ = person.WriteString("geheim\n") }()
	if got, err := a.readHidden(program, "sudo password: "); string(got) != "geheim" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestInterruptAtThePasswordPrompt: it ends at once, and the terminal echoes again.
func TestInterruptAtThePasswordPrompt(t *testing.T) {
	person, program := terminal(t)
	before, err := term.GetState(int(person.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{interrupt: make(chan struct{})}
	go func() {
		for { // until the echo is off, so that there is something to restore
			now, err := term.GetState(int(person.Fd()))
			if err != nil || *now != *before {
				close(a.interrupt)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, err = a.readHidden(program, "sudo password: ")
	var e *exitError
	if !errors.As(err, &e) || e.code != run.ExitInterrupted {
		t.Errorf("error %v", err)
	}
	if now, err := term.GetState(int(person.Fd())); err != nil || *now != *before {
		t.Errorf("the terminal was left in another state, %v", err)
	}
}
