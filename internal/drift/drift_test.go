package drift

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	bucketmem "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/warehouse"
)

func TestTextsThatOutgrowTheirColumn(t *testing.T) {
	columns := []warehouse.Column{{Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: 64}, {Field: "any", Name: "any", Type: warehouse.Text}}
	for bytes, want := range map[uint32]Sort{64: "", 65: Width, MaxVarchar: Width, MaxVarchar + 1: TooLong} {
		found := Detect(columns, columns, []ikada.Field{{Name: "s", Kinds: ikada.KindText, MaxBytes: bytes, Rows: 1}, {Name: "any", Kinds: ikada.KindText, MaxBytes: bytes, Rows: 1}})
		if want == "" && len(found) > 0 || want != "" && (len(found) != 1 || found[0].Sort != want || found[0].Field != "s") {
			t.Errorf("%d bytes: got %+v", bytes, found)
		}
	}
}

func TestEveryMisfitIsADrift(t *testing.T) {
	for _, of := range []warehouse.Type{warehouse.Bool, warehouse.BigInt, warehouse.Double, warehouse.Text, warehouse.Timestamp, warehouse.JSON} {
		columns := []warehouse.Column{{Field: "f", Name: "f", Type: of}}
		for k := ikada.KindNull; k <= ikada.KindArray; k <<= 1 {
			found := Detect(columns, columns, []ikada.Field{{Name: "f", Kinds: k, Rows: 1}})
			if of.Fits(k) != (len(found) == 0) || len(found) > 0 && !found[0].Sort.Rest() {
				t.Errorf("%s in %s: got %+v", k, of, found)
			}
		}
	}
}

func TestEntriesAreBoundedAndReadBack(t *testing.T) {
	long := Drift{Field: strings.Repeat("長", 50_000), Sort: Case, Before: strings.Repeat("x", 50_000), At: time.Unix(1, 0).UTC(), Example: &Example{Value: "1"}}
	e, err := long.Entry("a")
	if err != nil || len(e.Detail) > warehouse.MaxDetail || len(e.Key) > 1000 {
		t.Fatalf("got %d bytes, a key of %d, %v", len(e.Detail), len(e.Key), err)
	}
	d, err := Parse(e)
	if err != nil || !strings.HasPrefix(long.Field, d.Field) || d.Example.Value != "1" || !d.At.Equal(e.At) {
		t.Errorf("got %+v, %v", d, err)
	}
	other := long
	other.Field += "x"
	if other.Key() == long.Key() {
		t.Error("two long fields have one key")
	}
	e.Detail = []byte("{")
	if _, err := Parse(e); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestFindInDamagedAndMissingFiles(t *testing.T) {
	archive := bucketmem.New()
	if err := archive.Put(context.Background(), "bad.json.gz", []byte("no gzip")); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]error{"bad.json.gz": ikada.ErrCorrupt, "missing.json.gz": ikada.ErrNotFound} {
		err := Find(context.Background(), archive, []warehouse.File{{Key: key}}, []*Drift{{Field: "f"}})
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", key, err, want)
		}
	}
}
