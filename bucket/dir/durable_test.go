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
)

// recorder replaces the syncs of a bucket: it notes what is synced, whether the
// object could be seen then, and fails where fails says.
type recorder struct {
	b     *Bucket
	path  string // of the object that is looked for
	steps []string
	fails string
}

var errDisk = errors.New("disk error")

func record(b *Bucket, key string) *recorder {
	r := &recorder{b: b, path: b.path(key)}
	real := b.folders.sync
	b.folders.sync = syncs{
		data:   func(f *os.File) error { return r.note("data", f, real.data) },
		folder: func(f *os.File) error { return r.note("folder", f, real.folder) },
	}
	return r
}

func (r *recorder) note(kind string, f *os.File, sync func(*os.File) error) error {
	name, err := filepath.Rel(r.b.root, f.Name())
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, tempName) {
		name = "temp"
	}
	step := kind + " " + name
	if isFile(r.path) {
		step += ", visible"
	}
	r.steps = append(r.steps, step)
	if r.fails != "" && strings.HasPrefix(step, r.fails) {
		return errDisk
	}
	return sync(f)
}

func (r *recorder) want(t *testing.T, steps ...string) {
	t.Helper()
	if !slices.Equal(r.steps, steps) {
		t.Errorf("synced:\n\t%s\nwant:\n\t%s", strings.Join(r.steps, "\n\t"), strings.Join(steps, "\n\t"))
	}
	r.steps = nil
}

func TestSyncsInTheRightOrder(t *testing.T) {
	b := open(t, t.TempDir())
	r := record(b, "x/y/1")
	create := func(key string) error { return b.Create(t.Context(), key, []byte("body")) }

	if err := create("x/y/1"); err != nil {
		t.Fatal(err)
	}
	r.want(t, "data temp", "folder .", "folder x", "folder x/y, visible")

	r.path = b.path("x/y/2")
	if err := create("x/y/2"); err != nil {
		t.Fatal(err)
	}
	r.want(t, "data temp", "folder x/y, visible") // two syncs once the folder is known

	r.path = b.path("x/y/2")
	if err := create("x/y/2"); !errors.Is(err, ikada.ErrExists) {
		t.Fatal(err)
	}
	r.want(t, "folder x/y, visible")

	if err := b.Put(t.Context(), "x/y/2", []byte("more")); err != nil {
		t.Fatal(err)
	}
	r.want(t, "data temp, visible", "folder x/y, visible")

	if err := b.Delete(t.Context(), "x/y/2"); err != nil {
		t.Fatal(err)
	}
	r.want(t, "folder x/y")
}

func TestWhatARivalCreatedIsSyncedBeforeItCounts(t *testing.T) {
	b := open(t, t.TempDir())
	r := record(b, "x/1")
	data := b.folders.sync.data
	b.folders.sync.data = func(f *os.File) error { // the rival is faster, and dies before its last sync
		err := os.Mkdir(b.path("x"), 0o755)
		return errors.Join(data(f), err, os.WriteFile(b.path("x/1"), nil, 0o644))
	}
	if err := b.Create(t.Context(), "x/1"); !errors.Is(err, ikada.ErrExists) {
		t.Fatal(err)
	}
	r.want(t, "data temp", "folder ., visible", "folder x, visible")
}

func TestFoldersOfAnEarlierProcessAreSyncedAgain(t *testing.T) {
	root := t.TempDir()
	if err := open(t, root).Create(t.Context(), "x/y/1"); err != nil {
		t.Fatal(err)
	}
	b := open(t, root)
	r := record(b, "x/y/1")
	if err := b.Create(t.Context(), "x/y/1"); !errors.Is(err, ikada.ErrExists) {
		t.Fatal(err)
	}
	r.want(t, "folder ., visible", "folder x, visible", "folder x/y, visible")
}

func TestPrunedFoldersAreSyncedAgain(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Create(t.Context(), "x/y/1"); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "x/y/1"); err != nil {
		t.Fatal(err)
	}
	if isFolder(b.path("x")) {
		t.Error("the emptied folders are still there")
	}
	r := record(b, "x/y/1")
	if err := b.Create(t.Context(), "x/y/1"); err != nil {
		t.Fatal(err)
	}
	r.want(t, "data temp", "folder .", "folder x", "folder x/y, visible")
}

func TestFolderRemovedByOthersIsMadeAgain(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Create(t.Context(), "x/y/1"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(b.path("x")); err != nil {
		t.Fatal(err)
	}
	r := record(b, "x/y/2")
	if err := b.Create(t.Context(), "x/y/2", []byte("body")); err != nil {
		t.Fatal(err)
	}
	r.want(t, "data temp", "folder .", "folder x", "folder x/y, visible")
}

func TestSyncThatFailsIsNoSuccess(t *testing.T) {
	for _, fails := range []string{"data temp", "folder .", "folder x", "folder x/y"} {
		t.Run(fails, func(t *testing.T) {
			b := open(t, t.TempDir())
			r := record(b, "x/y/1")
			r.fails = fails
			if err := b.Create(t.Context(), "x/y/1"); !errors.Is(err, errDisk) {
				t.Fatalf("create with a failing sync of %s: %v", fails, err)
			}
			if left := tempFiles(t, b); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
			// As long as the disk fails, the object's existence is not confirmed either.
			err := b.Create(t.Context(), "x/y/1")
			if err == nil || errors.Is(err, ikada.ErrExists) {
				t.Errorf("the second create: %v", err)
			}
			r.fails = ""
			if err := b.Create(t.Context(), "x/y/1"); err != nil && !errors.Is(err, ikada.ErrExists) {
				t.Errorf("create on the mended disk: %v", err)
			}
		})
	}
}

func TestUnfinishedFilesOfTheDeadGoOnOpen(t *testing.T) {
	root := t.TempDir()
	living := open(t, root)
	unfinished := filepath.Join(living.temp.path, "1")
	dead := filepath.Join(root, tempName, "dead")
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{unfinished, filepath.Join(dead, "7"), filepath.Join(dead, "8")} {
		if err := os.WriteFile(path, []byte("half an obj"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, root)
	for info, err := range b.List(t.Context(), "", "") {
		t.Errorf("an unfinished file is listed: %+v %v", info, err)
	}
	for name, err := range b.Folders(t.Context(), "") {
		t.Errorf("the hidden folder is listed: %s %v", name, err)
	}
	if isFolder(dead) {
		t.Error("the files of a dead process are still there")
	}
	if !isFile(unfinished) {
		t.Error("the file that a living bucket writes was removed")
	}
	if err := living.Create(t.Context(), "a"); err == nil {
		t.Error("the name of the unfinished file was used twice")
	}
	if err := living.Create(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

// Where the system has no rename that spares what is there.
func TestLinkInsteadOfRename(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	for i, want := range []error{nil, os.ErrExist} {
		if err := os.WriteFile(from, fmt.Append(nil, i), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := linkNew(from, to); !errors.Is(err, want) {
			t.Errorf("link %d: %v, want %v", i, err, want)
		}
		if taken := want != nil; isFile(from) != taken {
			t.Errorf("link %d: the old name is there: %v", i, !taken)
		}
	}
	if data, err := os.ReadFile(to); err != nil || string(data) != "0" {
		t.Errorf("got %q %v", data, err)
	}
}

func tempFiles(t *testing.T, b *Bucket) []os.DirEntry {
	t.Helper()
	files, err := os.ReadDir(b.temp.path)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
