package rescue_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

var errBad = errors.New("bad")

// sift runs a sieve over n rows and returns those found and the tries.
func sift(t *testing.T, n, most int, bad map[int64]bool) (tries int) {
	t.Helper()
	found := map[int64]bool{}
	s := rescue.Sieve{
		Most: most,
		Probe: func(rows []rescue.Row) (error, error) {
			tries++
			for _, r := range rows {
				if bad[r.Line] {
					return fmt.Errorf("%w: %d", errBad, r.Line), nil
				}
			}
			return nil, nil
		},
		Found: func(r rescue.Row, refusal error) {
			if want := fmt.Sprintf("bad: %d", r.Line); found[r.Line] || refusal.Error() != want {
				t.Errorf("line %d is found twice, or for another reason: %v", r.Line, refusal)
			}
			found[r.Line] = true
		},
	}
	for i := range n {
		if err := s.Add("f", int64(i+1), []byte{'x'}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(found, bad) {
		t.Errorf("found %d rows, want %d", len(found), len(bad))
	}
	return tries
}

func TestABadRowTakesAsManyTriesAsTheLogarithmOfTheRows(t *testing.T) {
	const million = 1 << 17
	for _, line := range []int64{1, 2, million / 3, million / 2, million - 1, million} {
		if tries := sift(t, million, million, map[int64]bool{line: true}); tries > 2*17+2*4 {
			t.Errorf("line %d: %d tries", line, tries)
		}
	}
	if tries := sift(t, million, million, map[int64]bool{}); tries != 1 {
		t.Errorf("without a bad row: %d tries", tries)
	}
	thousand := map[int64]bool{}
	r := rand.New(rand.NewPCG(1, 2))
	for len(thousand) < 1000 {
		thousand[r.Int64N(million)+1] = true
	}
	tries := sift(t, million, 30_000, thousand)
	t.Logf("a thousand of 131,072: %d tries", tries)
	if tries > 1000*17 {
		t.Errorf("a thousand of 131,072: %d tries", tries)
	}
	all := map[int64]bool{}
	for i := range int64(100_000) {
		all[i+1] = true
	}
	if tries := sift(t, 100_000, 30_000, all); tries > 100_000+200 {
		t.Errorf("all bad: %d tries for 100,000 rows", tries)
	}
}

func TestRunsOfBadRowsAmongGoodOnes(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 17, 100} {
		for range 50 {
			bad := map[int64]bool{}
			from, to := rand.IntN(n+1), rand.IntN(n+1)
			for i := from; i < to; i++ {
				bad[int64(i+1)] = true
			}
			bad[int64(rand.IntN(n)+1)] = true
			sift(t, n, rand.IntN(n)+1, bad)
		}
	}
}

func TestRowsThatAreRefusedOnlyTogetherAreAnError(t *testing.T) {
	s := rescue.Sieve{
		Most: 100,
		Probe: func(rows []rescue.Row) (error, error) {
			if len(rows) > 1 {
				return errBad, nil
			}
			return nil, nil
		},
		Found: func(r rescue.Row, _ error) { t.Errorf("line %d is said to be bad", r.Line) },
	}
	for i := range 10 {
		if err := s.Add("f", int64(i+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Finish(); !errors.Is(err, errBad) {
		t.Errorf("got %v", err)
	}
}

func TestWhereEverythingIsRefusedTheRowsAreNotToBlame(t *testing.T) {
	for _, n := range []int{1, 100_000} {
		tries := 0
		s := rescue.Sieve{
			Most: 10 * n, Found: func(rescue.Row, error) {},
			Probe: func([]rescue.Row) (error, error) { tries++; return errBad, nil },
		}
		for i := range n {
			if err := s.Add("f", int64(i+1), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Finish(); !errors.Is(err, errBad) || tries > 1100 {
			t.Errorf("of %d rows: got %v after %d tries", n, err, tries)
		}
	}
}

func TestTroubleEndsTheSieve(t *testing.T) {
	trouble := errors.New("the line is down")
	s := rescue.Sieve{Most: 1, Probe: func([]rescue.Row) (error, error) { return nil, trouble }}
	if err := s.Add("f", 1, []byte("x")); !errors.Is(err, trouble) {
		t.Errorf("got %v", err)
	}
}

// What is set aside is in the quarantine's rows, whole, under ids that do not change.
func TestLinesHoldTheWholeRow(t *testing.T) {
	long := `{"_id":"k3j9x2ab0-1f4c-2a","_time":"2026-11-23T05:06:07Z","s":"` + strings.Repeat("あ", 50_000) + `"}`
	for _, raw := range []string{long, `{"_id":"k3j9x2ab0-1f4c-2a","_ti`, `{"_id":"`, ``, "\xff\x00", `{"_id":"` + strings.Repeat("x", 65) + `"}`} {
		a, err := rescue.New("app.access", errBad)
		if err != nil {
			t.Fatal(err)
		}
		var first []string
		for range 2 {
			var ids []string
			var data []byte
			e := &warehouse.LoadError{File: "app.access/f", Line: 7, Column: "a\x00b", Reason: "its reason\xff"}
			for line := range a.Lines(e, []byte(raw), time.Now()) {
				var row struct {
					ID     string `json:"_id"`
					Time   time.Time
					Type   string
					File   string
					Line   int
					Column string
					Reason string
					Row    string
					Part   int
					Parts  int
					Data   string
				}
				if err := json.Unmarshal(line, &row); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				piece, err := base64.StdEncoding.DecodeString(row.Data)
				if err != nil || row.Type != "app.access" || row.File != e.File || row.Line != 7 || row.Column != "a\u2400b" || row.Reason != "its reason\ufffd" ||
					row.Part != len(ids)+1 || len(row.Data) > 65_535 || len(row.ID) > 80 || strings.Contains(raw, "k3j9x2ab0-1f4c-2a\"") && row.Row != "k3j9x2ab0-1f4c-2a" {
					t.Errorf("%.40s: got %+v, %v", raw, row, err)
				}
				ids, data = append(ids, row.ID), append(data, piece...)
			}
			if string(data) != raw {
				t.Errorf("%.40s: got %.40s", raw, data)
			}
			slices.Sort(ids)
			if len(slices.Compact(slices.Clone(ids))) != len(ids) || first != nil && !slices.Equal(ids, first) {
				t.Errorf("%.40s: ids %v, then %v", raw, first, ids)
			}
			first = ids
		}
	}
}

func TestTheQuarantineIsNotSetAside(t *testing.T) {
	if _, err := rescue.New(ikada.Quarantine, errBad); !errors.Is(err, warehouse.ErrQuarantineRefused) || !errors.Is(err, errBad) {
		t.Errorf("got %v", err)
	}
}
