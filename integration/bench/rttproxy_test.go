package main

import (
	"testing"
	"time"
)

// TestDelayed: a round trip through the proxy takes twice its delay, and not much
// longer; without delay it takes next to nothing.
func TestDelayed(t *testing.T) {
	const each, trips = 20 * time.Millisecond, 10
	slow, err := echoed(t.Context(), each, trips)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * each * trips; slow < want || slow > 3*want {
		t.Errorf("%d round trips of %v took %v", trips, 2*each, slow)
	}
	fast, err := echoed(t.Context(), 0, trips)
	if err != nil {
		t.Fatal(err)
	}
	if fast > each*trips {
		t.Errorf("%d round trips without delay took %v", trips, fast)
	}
}
