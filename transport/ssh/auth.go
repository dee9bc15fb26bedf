package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"muster/transport"
)

// maxKeys is how many keys are offered to a server. sshd counts each as a failed
// attempt, and punishes an address for a few of those.
const maxKeys = 3

// auth gives the ways to prove who we are to a peer, and what to close after the
// handshake.
func auth(p peer) (methods []ssh.AuthMethod, tried string, done func(), err error) {
	signers, done, err := signers(p)
	if err != nil {
		return nil, "", nil, err
	}
	var names []string
	for _, s := range signers {
		names = append(names, ssh.FingerprintSHA256(s.PublicKey()))
	}
	if len(signers) > 0 {
		methods = append(methods, ssh.PublicKeys(signers...))
	}
	if pw := p.target.Password; pw != nil {
		names = append(names, "a password")
		methods = append(methods, ssh.Password(string(pw)), ssh.KeyboardInteractive(answer(pw)))
	}
	if len(methods) == 0 {
		done()
		return nil, "", nil, &transport.Error{Host: p.String(), Stage: transport.Auth, Err: errors.New("there is no key to offer"),
			Hint: "name one with `identity` in the connection block, or load one into ssh-agent"}
	}
	return methods, strings.Join(names, ", "), done, nil
}

// answer gives the password to one hidden question and to no other.
func answer(pw []byte) ssh.KeyboardInteractiveChallenge {
	asked := false
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, nil
		}
		if len(questions) > 1 || echos[0] || asked {
			return nil, errors.New("more is asked than a password")
		}
		asked = true
		return []string{string(pw)}, nil
	}
}

// signers are the keys for a peer: the named files first; without any, the
// ssh-agent's, then the files that OpenSSH would try.
func signers(p peer) ([]ssh.Signer, func(), error) {
	done := func() {}
	var held []ssh.Signer
	if p.target.Agent {
		held, done = agentSigners()
	}
	var out []ssh.Signer
	for _, file := range p.identity {
		s, err := identity(expand(file), held)
		if err != nil {
			done()
			return nil, nil, &transport.Error{Host: p.String(), Stage: transport.Auth, Err: err,
				Hint: "a key with a passphrase has to be loaded into ssh-agent"}
		}
		out = append(out, s)
	}
	if len(p.identity) == 0 {
		out = append(out, held...)
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			if s, err := identity(expand(filepath.Join("~/.ssh", name)), held); err == nil && !holds(out, s.PublicKey()) {
				out = append(out, s)
			}
		}
	}
	return out[:min(len(out), maxKeys)], done, nil
}

// agentSigners are the keys of the running ssh-agent; none without one.
func agentSigners() ([]ssh.Signer, func()) {
	conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, func() {}
	}
	keys, err := agent.NewClient(conn).Signers()
	if err != nil {
		_ = conn.Close()
		return nil, func() {}
	}
	return keys, func() { _ = conn.Close() }
}

// identity reads a key file. A key with a passphrase, or one of which only the
// public half is here, is used through the ssh-agent that holds it.
func identity(file string, held []ssh.Signer) (ssh.Signer, error) {
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("identity: %w", err)
	}
	missing := err
	if missing == nil {
		s, err := ssh.ParsePrivateKey(b)
		if err == nil {
			return s, nil
		}
		var locked *ssh.PassphraseMissingError
		if !errors.As(err, &locked) {
			return nil, fmt.Errorf("identity %s: %w", file, err)
		}
		if locked.PublicKey != nil {
			return fromAgent(file, locked.PublicKey, held)
		}
	}
	b, err = os.ReadFile(strings.TrimSuffix(file, ".pub") + ".pub")
	if err != nil {
		if missing != nil {
			return nil, fmt.Errorf("identity: %w", missing)
		}
		return nil, fmt.Errorf("identity %s: has a passphrase", file)
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		return nil, fmt.Errorf("identity %s.pub: %w", file, err)
	}
	return fromAgent(file, pub, held)
}

func fromAgent(file string, pub ssh.PublicKey, held []ssh.Signer) (ssh.Signer, error) {
	for _, s := range held {
		if bytes.Equal(s.PublicKey().Marshal(), pub.Marshal()) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("identity %s: has a passphrase, and ssh-agent does not hold it", file)
}

func holds(list []ssh.Signer, pub ssh.PublicKey) bool {
	_, err := fromAgent("", pub, list)
	return err == nil
}
