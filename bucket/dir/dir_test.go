package dir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/buckettest"
)

func TestContract(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return open(t, t.TempDir()) })
}

func open(t *testing.T, root string) *Bucket {
	t.Helper()
	b, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReopened(t *testing.T) {
	root := filepath.Join(t.TempDir(), "made", "on open")
	b := open(t, root)
	for i := range 5 {
		if err := b.Create(t.Context(), fmt.Sprintf("t/%d", i), []byte("body"), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	b = open(t, root)
	n := 0
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := b.Get(t.Context(), info.Key, 0, -1, nil)
		if want := fmt.Sprint("body", n); err != nil || string(data) != want || info.Size != int64(len(want)) {
			t.Errorf("%+v: %q %v", info, data, err)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d objects after reopening, want 5", n)
	}
	if got, want := b.URL("t/dt=1/x"), "file://"+strings.ReplaceAll(root, " ", "%20")+"/t/dt=1/x"; got != want {
		t.Errorf("URL %s, want %s", got, want)
	}
}

func TestStrangeFilesAreNoObjects(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Create(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"with space", "a~", "丸太"} {
		if err := os.WriteFile(b.path(name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", b.path("link")); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"empty/left/by-a-crash", "strange/only"} {
		if err := os.MkdirAll(b.path(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(b.path("strange/only/a b"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, err := range b.Folders(t.Context(), "") {
		t.Errorf("a folder without objects: %s %v", name, err)
	}
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil || info.Key != "a" {
			t.Errorf("listed: %+v %v", info, err)
		}
	}
	if _, err := b.Stat(t.Context(), "link"); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("stat of a link: %v", err)
	}
}

func TestFolderOfManyObjects(t *testing.T) {
	b := open(t, t.TempDir())
	if err := os.MkdirAll(b.path("many/empty/folders"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := os.WriteFile(b.path(fmt.Sprintf("many/strange~%d", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range b.Folders(t.Context(), "") {
		t.Errorf("none of it is an object: %s %v", name, err)
	}
	if err := b.Create(t.Context(), "many/object"); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, err := range b.Folders(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if !slices.Equal(names, []string{"many"}) {
		t.Errorf("folders: %q", names)
	}
}
