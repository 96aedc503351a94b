package redshift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/redshiftstandin"
)

func TestPasswordIsNotShown(t *testing.T) {
	o := Options{Password: NewPassword("hush"), DSN: NewPassword("postgres://u:hush@h/d")}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("options", "o", o, "p", o.Password)
	data, err := json.Marshal(o.Password)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprint(o), fmt.Sprintf("%v %+v %#v", o, o, o), fmt.Sprintf("%d %x %q", o.Password, o.Password, o.Password), log.String(), string(data),
	} {
		if strings.Contains(shown, "hush") || strings.Contains(shown, fmt.Sprintf("%x", "hush")) {
			t.Errorf("it is shown: %s", shown)
		}
	}
	if o.Password.String() != "***" || (Password{}).String() != "" {
		t.Error("not ***")
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no role":       {},
		"a quoted role": {IAMRole: "arn:aws:iam::123456789012:role/x' CREDENTIALS 'y"},
		"a region":      {IAMRole: "default", Region: "eu'"},
		"17 ledgers":    {IAMRole: "default", LedgerTables: 17},
		"one schema":    {IAMRole: "default", Schema: "a", LedgerSchema: "a"},
	} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	o, err := Options{IAMRole: "default", DSN: NewPassword("postgres://u:hush@h:x/d")}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := poolConfig(o); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
	if _, err := open(t.Context(), newFake(), mem.New(), newS3("scratch"), o); err == nil || !strings.Contains(err.Error(), "S3") {
		t.Errorf("a bucket that is not S3's: got %v", err)
	}
}

func TestSettingsAreQuoted(t *testing.T) {
	o, err := Options{IAMRole: "default", Host: "cluster.example", Database: `a b'c\`, User: "it's", Password: NewPassword(`p' \`)}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	config, err := poolConfig(o)
	if err != nil {
		t.Fatal(err)
	}
	c := config.ConnConfig
	if c.Host != "cluster.example" || c.Port != 5439 || c.Database != `a b'c\` || c.User != "it's" || c.Password != `p' \` || c.TLSConfig == nil || c.TLSConfig.InsecureSkipVerify {
		t.Errorf("got %q %d %q %q", c.Host, c.Port, c.Database, c.User)
	}
}

// counted is a Login that counts.
type counted struct {
	calls   int
	expires time.Time
	err     error
}

func (c *counted) Login(context.Context) (string, string, time.Time, error) {
	c.calls++
	return "loader", "hush", c.expires, c.err
}

func TestLoginIsRenewedBeforeItExpires(t *testing.T) {
	for _, test := range []struct {
		name    string
		expires time.Time
		calls   int
	}{
		{"lasting", time.Time{}, 1}, {"long", time.Now().Add(time.Hour), 1}, {"soon at its end", time.Now().Add(30 * time.Second), 3},
	} {
		from := &counted{expires: test.expires}
		login := &keptLogin{from: from}
		for range 3 {
			if user, password, err := login.get(t.Context()); err != nil || user != "loader" || password.reveal() != "hush" {
				t.Errorf("%s: got %s, %v", test.name, user, err)
			}
		}
		if from.calls != test.calls {
			t.Errorf("%s: asked %d times, want %d", test.name, from.calls, test.calls)
		}
	}
}

func TestLoginIsUsed(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{User: "loader", Password: "hush"})
	r.options.DSN = NewPassword("postgres://nobody:wrong@" + r.server.Addr() + "/dev?sslmode=disable")
	if _, err := Open(t.Context(), r.archive, r.scratch, r.options); err == nil || strings.Contains(err.Error(), "wrong@") {
		t.Errorf("got %v", err)
	}
	r.options.Login = &counted{err: errors.New("no such cluster")}
	if _, err := Open(t.Context(), r.archive, r.scratch, r.options); err == nil || !strings.Contains(err.Error(), "no such cluster") {
		t.Errorf("got %v", err)
	}
	r.options.Login = &counted{}
	if err := r.open(t).Close(); err != nil {
		t.Error(err)
	}
}
