package config

import (
	"testing"
	"time"
)

func TestHowLongSomethingIsKept(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "forever": 0, "1h": time.Hour, "90d": 90 * day, "48h": 2 * day, "36500d": maxKeep * day} {
		var d time.Duration
		v := keepValue{&d}
		if err := v.set(text); err != nil || d != want {
			t.Errorf("%q: got %v, %v; want %v", text, d, err, want)
		}
		again := d
		if err := v.set(v.String()); err != nil || d != again {
			t.Errorf("%q: shown as %q, which is %v, %v", text, v.String(), d, err)
		}
	}
	for _, text := range []string{"0", "0d", "-1d", "1", "90m", "1d12h", "d", "36501d", "+1d", "1.5d", " 1d", "99999999999999999999d", "9223372036854775807h"} {
		d := 7 * day
		if err := (keepValue{&d}).set(text); err == nil || d != 7*day {
			t.Errorf("%q: got %v, %v; want an error", text, d, err)
		}
	}
}

func TestHowLongLogTypesAreKept(t *testing.T) {
	var all map[string]time.Duration
	v := keepTable{&all}
	if err := v.set("app.access=90d,_quarantine=forever,b=5h"); err != nil || len(all) != 3 || all["app.access"] != 90*day || all["_quarantine"] != 0 || all["b"] != 5*time.Hour {
		t.Errorf("got %v, %v", all, err)
	}
	if got, want := v.String(), "_quarantine=forever,app.access=90d,b=5h"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, text := range []string{"a", "a=", "=1d", "a=1d,a=2d", "a=1w", "a=1d,"} {
		if err := v.set(text); err == nil || len(all) != 3 {
			t.Errorf("%q: got %v, %v; want an error", text, all, err)
		}
	}
}
