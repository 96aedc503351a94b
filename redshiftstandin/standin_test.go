package redshiftstandin

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// memory is Objects in memory.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (m *memory) Get(_ context.Context, url string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[url]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", url, fs.ErrNotExist)
	}
	return data, nil
}

func (m *memory) put(url string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[url] = data
}

func zip(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

// manifest puts files of JSON lines, gzipped, and the manifest that lists them.
func (m *memory) manifest(url string, files ...string) {
	type entry struct {
		URL       string `json:"url"`
		Mandatory bool   `json:"mandatory"`
	}
	var list struct {
		Entries []entry `json:"entries"`
	}
	for i, f := range files {
		e := entry{fmt.Sprintf("%s.%d.gz", url, i), true}
		m.put(e.URL, zip(f))
		list.Entries = append(list.Entries, e)
	}
	data, _ := json.Marshal(list)
	m.put(url, data)
}

// bench is a server under test.
type bench struct {
	t       *testing.T
	server  *Server
	objects *memory
}

func start(t *testing.T, o Options) *bench {
	t.Helper()
	m := &memory{objects: map[string][]byte{}}
	o.Objects = m
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bench{t, s, m}
}

// client is a connection of pgx's.
type client struct {
	t *testing.T
	*pgx.Conn
}

func (b *bench) connect() *client {
	b.t.Helper()
	config, err := pgx.ParseConfig(b.server.URL())
	if err != nil {
		b.t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &client{b.t, conn}
}

// try runs SQL and returns its error.
func (c *client) try(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := c.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

func (c *client) must(statements ...string) {
	c.t.Helper()
	for _, sql := range statements {
		if err := c.try(sql); err != nil {
			c.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// refuses wants an error with a code and a part of its text.
func (c *client) refuses(sql, code, part string) {
	c.t.Helper()
	err := c.try(sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message+e.Detail, part) {
		c.t.Errorf("%s: got %v, want SQLSTATE %s with %q", sql, err, code, part)
	}
}

// rows are the rows of a query as text, a row a string, columns cut by |.
func (c *client) rows(sql string) []string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	results, err := c.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	var rows []string
	for _, r := range results[len(results)-1].Rows {
		var row []string
		for _, v := range r {
			if v == nil {
				row = append(row, "NULL")
			} else {
				row = append(row, string(v))
			}
		}
		rows = append(rows, strings.Join(row, "|"))
	}
	return rows
}

func (c *client) wants(sql string, want ...string) {
	c.t.Helper()
	if got := c.rows(sql); !reflect.DeepEqual(got, want) {
		c.t.Errorf("%s:\ngot  %q\nwant %q", sql, got, want)
	}
}

const tail = " IAM_ROLE 'arn:aws:iam::123456789012:role/load' FORMAT JSON 'auto' GZIP MANIFEST COMPUPDATE OFF STATUPDATE OFF TIMEFORMAT 'auto'"

func TestCopyLoadsAManifest(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must(`CREATE TABLE app_access (_id VARCHAR(64) NOT NULL, n BIGINT, d DOUBLE PRECISION, ok BOOLEAN, t TIMESTAMPTZ, _rest SUPER, msg VARCHAR(10)) DISTSTYLE AUTO SORTKEY (t)`)
	b.objects.manifest("s3://b/m1",
		`{"_id":"1","n":12,"d":1.5,"ok":true,"t":"2026-01-02T03:04:05.678901Z","_rest":{"userId": [1, 2.50]},"msg":"hé","extra":1}`+"\n",
		`{"_id":"2"}`+"\n"+`{"_id":"3","n":null,"msg":"x"}`)
	c.must("COPY app_access FROM 's3://b/m1'" + tail)
	c.wants("SELECT * FROM app_access ORDER BY _id",
		`1|12|1.5|t|2026-01-02 03:04:05.678901+00|{"userId":[1,2.50]}|hé`, "2|NULL|NULL|NULL|NULL|NULL|NULL", "3|NULL|NULL|NULL|NULL|NULL|x")
	c.wants("SELECT pg_last_copy_count()", "3")
	if id := c.rows("SELECT pg_last_copy_id()")[0]; id == "-1" {
		t.Error("no id of the copy")
	}
	b.connect().wants("SELECT pg_last_copy_id(), pg_last_copy_count()", "-1|0")
}

func TestLedgerPattern(t *testing.T) {
	for _, isolation := range []Isolation{Serializable, Snapshot} {
		b := start(t, Options{Isolation: isolation})
		c := b.connect()
		c.must("CREATE TABLE ledger (m VARCHAR(100) PRIMARY KEY)", "CREATE TABLE t (a BIGINT)")
		b.objects.manifest("s3://b/m", `{"a":1}`)
		var wait sync.WaitGroup
		for range 6 {
			c := b.connect()
			wait.Go(func() {
				steps := []string{"BEGIN", "LOCK ledger"}
				for _, s := range steps {
					if err := c.try(s); err != nil {
						t.Error(err)
					}
				}
				if len(c.rows("SELECT m FROM ledger WHERE m = 'm'")) == 0 {
					if err := errors.Join(c.try("COPY t FROM 's3://b/m'"+tail), c.try("INSERT INTO ledger VALUES ('m')")); err != nil {
						t.Error(err)
					}
				}
				if err := c.try("COMMIT"); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		c.wants("SELECT count(*) FROM t", "1")
	}
}
