package declare

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		takes   map[string][]string // captures
		refuses []string
	}{
		{"app.access", map[string][]string{"app.access": {}}, []string{"app_access", "app.access.x", "xapp.access"}},
		{"app.*", map[string][]string{"app.x": {"x"}, "app.": {""}}, []string{"app", "app.x.y"}},
		{"*.access", map[string][]string{"web.access": {"web"}}, []string{"a.web.access"}},
		{"app-*.a*", map[string][]string{"app-1.a": {"1", ""}, "app-x.abc": {"x", "bc"}}, []string{"app.a", "app-1.2.a"}},
		{"app.**", map[string][]string{"app": {""}, "app.x": {"x"}, "app.x.y": {"x.y"}}, []string{"apps", "application.x"}},
		{"**.access", map[string][]string{"access": {""}, "a.b.access": {"a.b"}}, []string{"xaccess"}},
		{"a.**.z", map[string][]string{"a.z": {""}, "a.b.c.z": {"b.c"}}, []string{"az", "a.bz"}},
		{"**", map[string][]string{"": {""}, "a.b\nc": {"a.b\nc"}}, nil},
		{"a+(b)", map[string][]string{"a+(b)": {}}, []string{"aab"}},
		{"/app[.](web|api)[.].*/", map[string][]string{"app.web.x": {"web"}}, []string{"app.webx", "x.app.web.x"}},
		{"/a|b/", map[string][]string{"a": {}, "b": {}}, []string{"ab", "ax", "xb"}},
	} {
		p, err := pattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		for text, want := range tt.takes {
			got := p.FindStringSubmatch(text)
			if got == nil || !slices.Equal(got[1:], want) {
				t.Errorf("%s of %q: got %q, want %q captured", tt.pattern, text, got, want)
			}
		}
		for _, text := range tt.refuses {
			if got := p.FindStringSubmatch(text); got != nil {
				t.Errorf("%s takes %q: %q", tt.pattern, text, got)
			}
		}
	}
	for _, bad := range []string{"", "a.***", "/(/", "/a)|(b/"} {
		if _, err := pattern(bad); err == nil {
			t.Errorf("%q is taken for a pattern", bad)
		}
	}
}

func TestTargets(t *testing.T) {
	captures := []string{"one", "two"}
	for text, want := range map[string]string{"x": "x", "$1": "one", "a.$2.b.$1": "a.two.b.one", "${1}0": "one0", "$$1": "$1", "$1$2": "onetwo"} {
		got, err := parseTarget(text, 2)
		if err != nil || got.fill(captures) != want {
			t.Errorf("%s: got %q, %v, want %q", text, got.fill(captures), err, want)
		}
	}
	for _, bad := range []string{"", "$3", "$0", "$", "${1", "$x", "$99999999999999999999"} {
		if _, err := parseTarget(bad, 2); err == nil {
			t.Errorf("%q is taken for a log type", bad)
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 23, 5, 6, 7, 0, time.UTC)
	for _, tt := range []struct {
		format, text string
		want         time.Time // zero: it is none
	}{
		{"auto", "2026-11-23 05:06:07", at}, {"auto", fmt.Sprint(at.UnixMilli()), at},
		{"unix", fmt.Sprint(at.Unix()), at}, {"unix", fmt.Sprint(at.Unix()) + ".5", at.Add(time.Second / 2)}, {"unix", fmt.Sprint(at.UnixMilli()), time.Time{}},
		{"unix_ms", fmt.Sprint(at.UnixMilli()), at}, {"unix_ms", fmt.Sprint(at.Unix()), time.Unix(0, at.Unix()*1e6)},
		{"unix_us", fmt.Sprint(at.UnixMicro()), at}, {"unix_ns", fmt.Sprint(at.UnixNano()), at}, {"unix_ns", "99999999999999999999", time.Time{}},
		{"unix", "", time.Time{}}, {"unix", "1e999", time.Time{}}, {"unix", "NaN", time.Time{}}, {"unix", "-9300000000", time.Time{}},
		{"rfc3339", "2026-11-23T14:06:07+09:00", at}, {"rfc3339", "2026-11-23 05:06:07", time.Time{}},
		{"%Y-%m-%d %H:%M:%S", " 2026-11-23 05:06:07 ", at}, {"%Y-%m-%d %H:%M:%S", "2026-11-23 05:06:07.25", at.Add(time.Second / 4)},
		{"%Y-%m-%d %H:%M:%S.%f", "2026-11-23 05:06:07.25", at.Add(time.Second / 4)}, {"%F %T,%f", "2026-11-23 05:06:07,25", at.Add(time.Second / 4)},
		{"%d/%b/%Y:%T %z", "23/Nov/2026:14:06:07 +0900", at}, {"%d/%b/%Y:%T %z", "23/Nov/2026:14:06:07 +09:00", at}, {"%d/%b/%Y:%T %z", "23/Nov/2026:05:06:07 Z", at},
		{"%a, %d %B %Y %I:%M:%S %p", "Mon, 23 November 2026 05:06:07 AM", at}, {"%Y%m%dT%H%M%SZ", "20261123T050607Z", at}, {"%y/%j", "26/327", at.Truncate(24 * time.Hour)},
		{"%F", "2026-13-01", time.Time{}}, {"%F", strings.Repeat("2", 100), time.Time{}}, {"%F", "0001-01-01", time.Time{}},
	} {
		f, err := NewTime("ts", tt.format)
		if err != nil {
			t.Errorf("%s: %v", tt.format, err)
			continue
		}
		ns, ok := f.Read([]byte(tt.text))
		if ok != !tt.want.IsZero() || ok && ns != tt.want.UnixNano() {
			t.Errorf("%s of %q: got %v, %t, want %v", tt.format, tt.text, time.Unix(0, ns).UTC(), ok, tt.want)
		}
	}
	for _, bad := range []string{"%", "%Q", "Jan", "%H:%M", "%Y 2006", "%Y_%e", "%Y.%f", "%f %Y"} {
		if _, err := NewTime("ts", bad); err == nil {
			t.Errorf("%q is taken for a format", bad)
		}
	}
}

func TestNothingDeclared(t *testing.T) {
	s, problems := New(nil, nil, nil)
	if s != nil || problems != nil {
		t.Fatal(s, problems)
	}
	if _, last, withhold, err := s.Route("a.b"); last != "a.b" || withhold || err != nil {
		t.Error(last, withhold, err)
	}
	if s.Type("a") != nil || s.Types() != nil || s.Columns("a") != nil || s.ByDay("a") || s.NewHash() != nil || s.Withholds() {
		t.Error("a nil set declares something")
	}
	if got := s.Design("a.b"); !reflect.DeepEqual(got, warehouse.Design{Table: "a_b"}) {
		t.Errorf("got %+v", got)
	}
}

func TestADeclaredTableNameIsNoOthers(t *testing.T) {
	s, problems := New([]Type{{Name: "nginx", Table: "app_access"}, {Name: "plain"}}, nil, nil)
	if problems != nil {
		t.Fatal(problems)
	}
	seen := map[string]ikada.LogType{}
	for _, of := range []ikada.LogType{"nginx", "app.access", "plain", "other", "App.Access"} {
		name := s.Design(of).Table
		if other, twice := seen[name]; twice {
			t.Errorf("%s and %s have table %s", of, other, name)
		}
		seen[name] = of
	}
	if seen["app_access"] != "nginx" || seen["plain"] != "plain" || seen["other"] != "other" {
		t.Errorf("got %v", seen)
	}
}

func TestASetShowsNoSecret(t *testing.T) {
	s, problems := New([]Type{{Name: "a", Guards: []Guard{{Path: "x", Do: HashValue}}}}, nil, []byte("hunter2hunter2hunter2"))
	if problems != nil {
		t.Fatal(problems)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(verb, s); strings.Contains(text, "hunter2") || strings.Contains(text, "68756e746572") || strings.Contains(text, "104 117 110") {
			t.Errorf("%s shows it: %s", verb, text)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("app.**", "app.x")
	f.Add("/a(b)/", "ab")
	f.Fuzz(func(t *testing.T, text, tag string) {
		p, err := pattern(text)
		if err != nil {
			return
		}
		if !strings.ContainsAny(text, "*/") && p.MatchString(tag) != (text == tag) {
			t.Errorf("%q and %q", text, tag)
		}
	})
}

func FuzzTime(f *testing.F) {
	f.Add("unix_ms", "1763870000000")
	f.Add("%d/%b/%Y:%H:%M:%S %z", "23/Nov/2026:14:06:07 +0900")
	f.Add("auto", "2026-11-23 05:06:07.5 +0900")
	f.Fuzz(func(t *testing.T, format, text string) {
		at, err := NewTime("ts", format)
		if err != nil {
			return
		}
		ns, ok := at.Read([]byte(text))
		if !ok || !strings.Contains(format, "%Y-%m-%dT%H:%M:%S") || !strings.Contains(text, "Z") {
			return
		}
		if again, ok := at.Read([]byte(" " + text + " ")); !ok || again != ns {
			t.Errorf("%q of %q: %d, and with blanks %d", format, text, ns, again)
		}
	})
}
