package endpoints_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/endpoints"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []endpoints.Endpoints{
		{Forward: "127.0.0.1:24224", HTTP: "http://127.0.0.1:8080", PID: 7, Started: time.Unix(1_800_000_000, 0).UTC()},
		{HTTP: "https://[::1]:1", PID: 8}, // replaces the first
	} {
		if err := want.Write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := endpoints.Read(dir)
		if err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("got files %v, %v, want one", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("got %v, %v, want mode 0644", info.Mode(), err)
	}
}

func TestRemovedEndpointsSayThatNothingRuns(t *testing.T) {
	dir := t.TempDir()
	if err := (endpoints.Endpoints{PID: 1}).Write(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := endpoints.Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	_, err := endpoints.Read(dir)
	if !errors.Is(err, endpoints.ErrNotRunning) || !strings.Contains(err.Error(), "ikada up --data "+dir) {
		t.Errorf("got %v", err)
	}
}

func TestDamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, endpoints.File)
	if err := os.WriteFile(name, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := endpoints.Read(dir); err == nil || !strings.Contains(err.Error(), name) || errors.Is(err, endpoints.ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

func TestWriteNeedsTheDirectory(t *testing.T) {
	if err := (endpoints.Endpoints{}).Write(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("got no error")
	}
}
