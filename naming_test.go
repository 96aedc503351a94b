package ikada

import (
	"regexp"
	"strings"
	"testing"
)

// awkward are names that somebody's sender will use one day.
var awkward = []string{
	"app.access", "app_access", "app..access", "app._access", "app_.access", "app__access", "app.access.", "_app", ".app", "App.Access", "app-access", "app/access",
	"../../etc/passwd", "a/b", "a--b", "a-b", ".", "..", "-", "_", "a", "A", "ログ", "ログ.アクセス", strings.Repeat("x", 500), strings.Repeat("x", 501), strings.Repeat("x", 63), strings.Repeat("x", 62),
	"select", "Select", "select_", "order", "order.", "1st", "1", "user id", "user\tid", "user;drop table x", `a"b`, "a'b", "a\x01", "app.access--aaaaaaaaaaaaa", "app_0aaaaaaaaaaaaa", "K", "é",
	"_quarantine", "__quarantine", "_id", "__id", "_plans", "dt=2026-01-01", "a b", "a+b", "a%2Fb", "con", "nul",
}

var (
	sqlName     = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	pathSegment = regexp.MustCompile(`^[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,100}$`)
)

func TestNamesAreSafeAndNeverMeet(t *testing.T) {
	paths, tables := map[string]string{}, map[string]string{}
	for _, tag := range awkward {
		name, err := TypeOf(tag)
		if err != nil {
			t.Fatal(err)
		}
		path, table := name.PathName(), name.TableName()
		if !pathSegment.MatchString(path) {
			t.Errorf("%q: path %q", tag, path)
		}
		if !sqlName.MatchString(table) || reservedWords[table] {
			t.Errorf("%q: table %q", tag, table)
		}
		if other, ok := paths[path]; ok {
			t.Errorf("%q and %q share the path %q", tag, other, path)
		}
		if other, ok := tables[table]; ok {
			t.Errorf("%q and %q share the table %q", tag, other, table)
		}
		paths[path], tables[table] = tag, tag
	}
}

func TestFamiliarNames(t *testing.T) {
	for tag, want := range map[string][2]string{
		"app.access":       {"app.access", "app_access"},
		"app_access":       {"app_access", "app__access"},
		"nginx":            {"nginx", "nginx"},
		"order":            {"order", "order_"},
		"k8s.my_app.2":     {"k8s.my_app.2", "k8s_my__app_2"},
		"App":              {"app--bucl7235ms3ry", "app_0bucl7235ms3ry"},
		"../../etc/passwd": {"etc-passwd--g5knnsz2hdqrq", "etc_passwd_0g5knnsz2hdqrq"},
	} {
		lt := LogType(tag)
		if got := [2]string{lt.PathName(), lt.TableName()}; got != want {
			t.Errorf("%q: got %q, want %q", tag, got, want)
		}
	}
}

func TestNoTagReachesTheQuarantine(t *testing.T) {
	if got, _ := TypeOf("_quarantine"); got != "__quarantine" {
		t.Errorf("got %q", got)
	}
	if got := Quarantine.TableName() + " " + Quarantine.PathName(); got != "_quarantine _quarantine" {
		t.Errorf("got %q", got)
	}
	for _, tag := range []string{"", strings.Repeat("x", MaxLogTypeBytes+1), "\xff"} {
		if _, err := TypeOf(tag); err == nil {
			t.Errorf("%.20q was taken", tag)
		}
	}
}

func TestColumnNames(t *testing.T) {
	for field, want := range map[string]string{"path": "path", "userId": "userid", "user_id": "user_id", "_p": "_p", "select": "select_", "Order": "order_"} {
		if got := ColumnName(field, false); got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
	seen := map[string]string{}
	for _, field := range append(awkward, "") {
		name := ColumnName(field, false)
		if _, taken := seen[name]; taken {
			name = ColumnName(field, true)
		}
		if other, ok := seen[name]; ok || !sqlName.MatchString(name) || reservedWords[name] {
			t.Errorf("%q: column %q, which %q has", field, name, other)
		}
		seen[name] = field
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range awkward {
		f.Add(name, "app.access")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err1 := TypeOf(a)
		y, err2 := TypeOf(b)
		if err1 != nil || err2 != nil {
			return
		}
		if !pathSegment.MatchString(x.PathName()) || !sqlName.MatchString(x.TableName()) {
			t.Errorf("%q: path %q, table %q", a, x.PathName(), x.TableName())
		}
		if a != b && (x == y || x.PathName() == y.PathName() || x.TableName() == y.TableName()) {
			t.Errorf("%q and %q meet", a, b)
		}
	})
}
