package inventory

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// operator gives the test a home of its own, without any identity.
func operator(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv(identityEnv, "")
	return home
}

const withSecrets = `
host "n" {}
secret "key" { generate = 128 }
secret "password" {
  generate = 24
  encoding = "hex"
}
secret "env" { env = "MUSTER_TEST_SECRET" }
secret "env64" {
  env      = "MUSTER_TEST_SECRET"
  encoding = "base64"
}
secret "file" { file = "plain.bin" }
secret "sealed" { file = "sealed.age" }
`

func open(t *testing.T, inv *Inventory, path string) *Secrets {
	t.Helper()
	s, err := OpenSecrets(inv, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGenerate(t *testing.T) {
	home := operator(t)
	inv := load(t, write(t, withSecrets), Options{})
	s := open(t, inv, "")
	if b, pending, err := s.Value("key"); b != nil || !pending || err != nil {
		t.Fatalf("%v %v %v", b, pending, err)
	}
	if entries, _ := os.ReadDir(home); len(entries) != 0 {
		t.Errorf("a plan left %v in the home folder", entries)
	}
	if _, err := os.Stat(inv.StateDir); err == nil {
		t.Error("a plan made the state folder")
	}
	first, err := s.Generate("key")
	if err != nil || len(first) != 128 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if notice := s.Notice(); !strings.Contains(notice, filepath.Join(home, ".config", "muster", "age.txt")) {
		t.Errorf("notice %q", notice)
	}
	if notice := s.Notice(); notice != "" {
		t.Errorf("said twice: %q", notice)
	}
	path := filepath.Join(inv.StateDir, "secrets", "key.age")
	stored, err := os.ReadFile(path)
	if err != nil || bytes.Contains(stored, first[:16]) {
		t.Errorf("stored: %v, plain %v", err, bytes.Contains(stored, first[:16]))
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700,
		filepath.Join(home, ".config", "muster", "age.txt"): 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", p, info.Mode(), err)
		}
	}
	again := open(t, inv, "")
	for _, get := range []func(string) ([]byte, error){again.Generate, s.Generate} {
		if b, err := get("key"); err != nil || !bytes.Equal(b, first) {
			t.Errorf("second time: %d bytes, %v", len(b), err)
		}
	}
	if b, err := again.Generate("password"); err != nil || len(b) != 48 || strings.Trim(string(b), "0123456789abcdef") != "" {
		t.Errorf("password: %d bytes, %v", len(b), err)
	}
	if notice := again.Notice(); notice != "" {
		t.Errorf("notice %q", notice)
	}
	if left, _ := filepath.Glob(filepath.Join(inv.StateDir, "secrets", ".*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestWrongIdentity(t *testing.T) {
	home := operator(t)
	inv := load(t, write(t, withSecrets), Options{})
	if _, err := open(t, inv, "").Generate("key"); err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.txt")
	if err := os.WriteFile(path, []byte(other.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, pending, err := open(t, inv, path).Value("key")
	if b != nil || pending || err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v %v %v", b, pending, err)
	}
	t.Setenv(identityEnv, path)
	if _, err := open(t, inv, "").Generate("key"); err == nil {
		t.Error("a second key was made over the first")
	}
	t.Setenv(identityEnv, "")
	if err := os.RemoveAll(filepath.Join(home, ".config")); err != nil {
		t.Fatal(err)
	}
	_, _, err = open(t, inv, "").Value("key")
	for _, place := range []string{"--identity", identityEnv, "~/.config/muster/age.txt", "sops"} {
		if err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("no %s in: %v", place, err)
		}
	}
	for _, bad := range []string{filepath.Join(home, "none"), inv.Path} {
		if _, err := OpenSecrets(inv, bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestIdentityOfSops(t *testing.T) {
	home := operator(t)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, ".config", "sops", "age", "keys.txt")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("# mine\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inv := load(t, write(t, withSecrets), Options{})
	var sealed bytes.Buffer
	armored := armor.NewWriter(&sealed)
	w, err := age.Encrypt(armored, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("hunter2")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := armored.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inv.Dir, "sealed.age"), sealed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, inv, "")
	if b, _, err := s.Value("sealed"); err != nil || string(b) != "hunter2" {
		t.Errorf("%v", err)
	}
	if _, err := s.Generate("key"); err != nil || s.Notice() != "" {
		t.Errorf("%v, or a second identity was made", err)
	}
}

func TestEnvAndFile(t *testing.T) {
	operator(t)
	inv := load(t, write(t, withSecrets), Options{})
	s := open(t, inv, "")
	for _, name := range []string{"env", "file", "sealed", "nothing"} {
		if b, pending, err := s.Value(name); err == nil || pending || b != nil {
			t.Errorf("%s: %v %v %v", name, b, pending, err)
		}
	}
	t.Setenv("MUSTER_TEST_SECRET", " aHVudGVyMg==\n")
	if err := os.WriteFile(filepath.Join(inv.Dir, "plain.bin"), []byte("a\x00b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"env": " aHVudGVyMg==\n", "env64": "hunter2", "file": "a\x00b\n"} {
		if b, pending, err := s.Value(name); err != nil || pending || string(b) != want {
			t.Errorf("%s: %v %v", name, pending, err)
		}
	}
	b, _, _ := s.Value("env64")
	b[0] = 'X'
	if again, _, _ := s.Value("env64"); string(again) != "hunter2" {
		t.Error("a caller can change a secret")
	}
	t.Setenv("MUSTER_TEST_SECRET", "not base64 hunter2!")
	if _, _, err := open(t, inv, "").Value("env64"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// TestGenerateTogether lets several runs make the same secrets at once: all
// must end with the same bytes.
func TestGenerateTogether(t *testing.T) {
	operator(t)
	inv := load(t, write(t, withSecrets), Options{})
	got := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range got {
		s := open(t, inv, "")
		wg.Go(func() {
			b, err := s.Generate("key")
			if err != nil {
				t.Error(err)
			}
			got[i] = b
		})
	}
	wg.Wait()
	for _, b := range got {
		if !bytes.Equal(b, got[0]) {
			t.Error("two runs made different keys")
		}
	}
}
