package manifest

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
)

func example() *Manifest {
	return &Manifest{
		Entries: []Entry{{URL: "s3://archive/app.access/dt=2026-11-23/hh=05/000000000012-1.json.gz", Mandatory: true, Meta: Meta{ContentLength: 1234}}},
		Ikada: Detail{
			Version: Version, Plan: 12, Type: "app.access", Class: ikada.Hard, Rows: 7, Raw: 4000, Created: 1e18, OldestArrival: 9e17,
			Files:  []File{{Key: "app.access/dt=2026-11-23/hh=05/000000000012-1.json.gz", Size: 1234, Raw: 4000, Rows: 7, CRC32C: 1<<32 - 1}},
			Fields: []ikada.Field{{Name: "path", Kinds: ikada.KindText | ikada.KindNull, MaxBytes: 60_000, Rows: 7, Nulls: 1}},
		},
	}
}

func TestAManifestReadsBackAsItWasWritten(t *testing.T) {
	data, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, example()) {
		t.Errorf("read %+v", got)
	}
	again, err := got.Encode()
	if err != nil || !slices.Equal(again, data) {
		t.Errorf("written again it has other bytes (%v)", err)
	}
}

// Redshift reads entries, url, mandatory and meta.content_length and ignores
// the rest.
func TestRedshiftFindsWhatItReads(t *testing.T) {
	data, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Entries []struct {
			URL       string `json:"url"`
			Mandatory bool   `json:"mandatory"`
			Meta      struct {
				ContentLength int64 `json:"content_length"`
			} `json:"meta"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := example().Entries[0]
	if len(got.Entries) != 1 || got.Entries[0].URL != want.URL || !got.Entries[0].Mandatory || got.Entries[0].Meta.ContentLength != 1234 {
		t.Errorf("Redshift would read %+v", got.Entries)
	}
}

func TestDecodeRefusesWhatIsNoManifest(t *testing.T) {
	good, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data string
		want error
	}{
		"nothing":           {"", ikada.ErrCorrupt},
		"cut short":         {string(good[:len(good)/2]), ikada.ErrCorrupt},
		"a newer version":   {strings.Replace(string(good), `"version": 1`, `"version": 2`, 1), ikada.ErrVersion},
		"no version":        {`{"entries":[]}`, ikada.ErrVersion},
		"entries, no files": {`{"entries":[{"url":"x"}],"ikada":{"version":1}}`, ikada.ErrCorrupt},
	} {
		if _, err := Decode([]byte(test.data)); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestKeysSortInPlanOrderAndParseBack(t *testing.T) {
	var keys []string
	for _, n := range []uint64{1, 9, 10, 999, 123_456_789_012} {
		for _, class := range []ikada.Class{ikada.Hard, ikada.Plain} {
			key := Key("app/x", n, class)
			keys = append(keys, key)
			folder, plan, c, err := ParseKey(key)
			if folder != ikada.LogType("app/x").PathName() || plan != n || c != class || err != nil {
				t.Errorf("ParseKey(%q) = %q, %d, %v, %v", key, folder, plan, c, err)
			}
		}
	}
	if !slices.IsSorted(keys) {
		t.Errorf("not sorted: %q", keys)
	}
	for _, key := range []string{
		"", "app.access", "app.access/12.manifest", "app.access/000000000012.json", "app.access/000000000012.soft.manifest",
		"app.access/-00000000012.manifest", "app.access/+00000000012.manifest", "app.access/x/000000000012.manifest",
	} {
		if _, _, _, err := ParseKey(key); err == nil {
			t.Errorf("ParseKey(%q) gave no error", key)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, err := example().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"entries":null,"ikada":{"version":1,"fields":[{"name":"\ud800"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		if len(m.Entries) != len(m.Ikada.Files) {
			t.Fatal("entries without files")
		}
		if _, err := m.Encode(); err != nil {
			t.Fatal(err)
		}
	})
}
