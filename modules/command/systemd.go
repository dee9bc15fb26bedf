package command

import (
	"path"
	"slices"
	"strings"
)

// systemdClients are programs that talk to systemd and to what it starts on demand.
var systemdClients = []string{"systemctl", "service", "invoke-rc.d", "systemd-run", "busctl", "dbus-send", "gdbus",
	"loginctl", "hostnamectl", "timedatectl", "localectl"}

var shells = []string{"sh", "bash", "dash", "ksh", "zsh"}

// prefixes may stand before the program of a command in a script.
var prefixes = []string{"!", "if", "then", "elif", "else", "while", "until", "do", "exec", "env", "sudo", "time", "nohup"}

// asksSystemd names the program in argv, or in the script of a shell, that would
// ask systemd; "" for none. In a plan such a program fails, and says so by an exit
// status that cannot be told from "there is something to do".
func asksSystemd(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	if !slices.Contains(shells, path.Base(argv[0])) {
		return client(argv)
	}
	for _, script := range argv[1:] {
		commands := strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune(";|&\n(){}`", r) })
		for _, c := range commands {
			if name := client(strings.Fields(c)); name != "" {
				return name
			}
		}
	}
	return ""
}

// client is the program of one command if it is a client of systemd.
func client(words []string) string {
	for _, w := range words {
		w = strings.Trim(w, `"'`)
		if slices.Contains(prefixes, w) || strings.Contains(w, "=") {
			continue
		}
		if name := path.Base(w); slices.Contains(systemdClients, name) {
			return name
		}
		return ""
	}
	return ""
}
