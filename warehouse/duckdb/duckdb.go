// Package duckdb is the warehouse of one machine: an embedded DuckDB database
// in one file, opened by one process at a time. Tables are in the schema main,
// the ledger and the catalog of tables in the schema _ikada.
//
// After a crash nothing needs repair: DuckDB replays its write-ahead log when it
// opens the file, and a load is one transaction together with its ledger rows.
package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Options tune the database. The zero value is ready.
type Options struct {
	// MemoryMB is what DuckDB may hold, 256 by default: the process then needs
	// some 350 MB for a load of 256 MB. Loads and queries share it; what a
	// query needs beyond it goes to TempDir.
	MemoryMB int
	// Threads is how many cores a statement may use, 2 by default. A
	// thread of a load wants 64 MB of memory.
	Threads int
	// TempDir takes what does not fit in memory, and files fetched from an
	// archive that is not local. By default it is the database's path and ".tmp".
	TempDir string
	// Designs tell the names of log types' tables; nil: each has its own.
	Designs warehouse.Designs
	// RedshiftRules applies the limits of Redshift: how wide texts are, how long
	// a row is, which names and times there are. What it would put into _rest or
	// into the quarantine goes there. All loads look at every value then.
	RedshiftRules bool
	// Log tells of loads that had to take the careful way. By default nothing is told.
	Log *slog.Logger
}

// Warehouse is a warehouse.Warehouse in a DuckDB file.
type Warehouse struct {
	db      *sql.DB
	archive bucket.Bucket
	temp    string
	rules   bool // Redshift's
	log     *slog.Logger
	designs warehouse.Designs

	mu     sync.RWMutex // guards tables and what is in them
	tables map[ikada.LogType]*table
}

// table is a table in the catalog. The catalog is read once, since no other
// process can change the file while it is open.
type table struct {
	busy   sync.Mutex // held while the table is loaded or extended
	exists bool
	info   warehouse.Table
}

var _ warehouse.Warehouse = (*Warehouse)(nil)

// Open opens the database at path, making it if it is absent, for loads from
// the archive.
func Open(ctx context.Context, path string, archive bucket.Bucket, o Options) (*Warehouse, error) {
	w, err := open(ctx, path, archive, o)
	if err != nil {
		return nil, fmt.Errorf("open warehouse %s: %w", path, err)
	}
	return w, nil
}

// blockSize is for new databases. While rows are inserted, two blocks of every
// column are held in memory: of a thousand columns, half a gigabyte with
// DuckDB's own 256 KiB. Small blocks keep many small tables small on disk, too.
const blockSize = "?default_block_size=16384"

// CheckPath tells whether a database can be at a path.
func CheckPath(path string) error {
	if path == "" || strings.ContainsAny(path, "?%") {
		return fmt.Errorf("the path %q must not be empty or have a '?' or '%%', which DuckDB's driver takes for options", path)
	}
	return nil
}

func open(ctx context.Context, path string, archive bucket.Bucket, o Options) (*Warehouse, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	if o.MemoryMB == 0 {
		o.MemoryMB = 256
	}
	if o.Threads == 0 {
		o.Threads = 2
	}
	if o.TempDir == "" {
		o.TempDir = path + ".tmp"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	temp, err := filepath.Abs(o.TempDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(temp, 0o750); err != nil {
		return nil, err
	}
	if err := removeFetched(temp); err != nil {
		return nil, err
	}
	connector, err := duckdb.NewConnector(path+blockSize, nil)
	if err != nil {
		return nil, err
	}
	w := &Warehouse{db: sql.OpenDB(connector), archive: archive, temp: temp, rules: o.RedshiftRules, log: o.Log, designs: o.Designs, tables: map[ikada.LogType]*table{}}
	if err := w.prepare(ctx, o); err != nil {
		_ = w.db.Close()
		return nil, err
	}
	return w, nil
}

// prepare sets the database up, locks its settings, and reads the catalog.
func (w *Warehouse) prepare(ctx context.Context, o Options) error {
	directories := []string{w.temp, notGlob.Replace(w.temp)}
	if key, ok := localPath(w.archive.URL("key")); ok {
		root := filepath.Dir(key)
		directories = append(directories, root, notGlob.Replace(root)) // both ways that a path is written
	}
	settings := []string{
		"SET GLOBAL TimeZone = 'UTC'",
		fmt.Sprintf("SET memory_limit = '%dMB'", o.MemoryMB),
		fmt.Sprintf("SET threads = %d", o.Threads),
		"SET temp_directory = " + literal(w.temp),
		// Rows have no order of their own; without one a load streams.
		"SET preserve_insertion_order = false",
		// A commit is cheap until the log has grown to this size. Then DuckDB
		// compresses the last rows of every table, those of the time before again; so
		// much it still holds in memory, and reads after a crash in a second or two.
		"SET wal_autocheckpoint = '128MB'",
		// A query comes from a user: it may read tables and the archive, no more.
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
		"SET allowed_directories = " + literals(directories),
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	}
	for _, s := range append(settings, schema...) {
		if _, err := w.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(s), err)
		}
	}
	return w.readCatalog(ctx)
}

// Close closes the database.
func (w *Warehouse) Close() error {
	if err := w.db.Close(); err != nil {
		return fmt.Errorf("close warehouse: %w", err)
	}
	return nil
}

// transaction runs do in a transaction on a connection of its own.
func (w *Warehouse) transaction(ctx context.Context, do func(*sql.Conn) error) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	// The end is not cancelled, so its outcome is always known.
	end := context.WithoutCancel(ctx)
	if err := do(conn); err != nil {
		_, _ = conn.ExecContext(end, "ROLLBACK")
		return err
	}
	if _, err := conn.ExecContext(end, "COMMIT"); err != nil {
		_, _ = conn.ExecContext(end, "ROLLBACK")
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// identifier quotes an SQL identifier.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a string. A NUL would end the statement, so it is spelled out.
func literal(text string) string {
	return "'" + quoteText.Replace(text) + "'"
}

var quoteText = strings.NewReplacer("'", "''", "\x00", "' || chr(0) || '")

// literals makes a list of strings.
func literals(texts []string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, t := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(literal(t))
	}
	b.WriteByte(']')
	return b.String()
}
