package inventory

import (
	"strings"
)

const (
	nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	// maxName is the longest name: that of a DNS name.
	maxName = 253
)

// isName is the rule for hosts, groups and clusters. It keeps names out of the
// way of patterns, file paths, shells and config files.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && strings.IndexByte(nameLetters, s[0]) >= 0 &&
		onlyOf(s, nameLetters+"_.-")
}

// isAddress is the rule for what is dialled: a name, an IPv4 or an IPv6
// address, the last perhaps with a zone.
func isAddress(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != '-' && s[0] != '.' && onlyOf(s, nameLetters+"_.:%-")
}

// isUser allows what directory services use in login names, and nothing that an
// ssh command line would take for an option.
func isUser(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != '-' && onlyOf(s, nameLetters+`_.@\$+-`)
}

func onlyOf(s, allowed string) bool {
	for i := range len(s) {
		if strings.IndexByte(allowed, s[i]) < 0 {
			return false
		}
	}
	return true
}
