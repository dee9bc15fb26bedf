package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestWasApproved: an approval counts, the word in a text does not.
func TestWasApproved(t *testing.T) {
	const plan = `{"v":1,"type":"plan_note","text":"approved"}` + "\n"
	const approval = `{"v":1,"type":"approved","text":"--yes"}` + "\n"
	for text, want := range map[string]bool{"": false, plan: false, plan + approval: true, plan + approval[:20]: false, plan + approval[:20] + "\n" + approval + plan: true} {
		path := filepath.Join(t.TempDir(), JournalFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := WasApproved(path); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := WasApproved(filepath.Join(t.TempDir(), JournalFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a journal: %v", err)
	}
}
