// Package config is the configuration of Ikada: what an operator may set, how
// it is read, and how it is shown.
//
// A value comes from the first of these that has it: a flag, an environment
// variable (IKADA_…), the file ikada.yaml, the default. One table (Settings)
// drives all of it: the reading, the checks, the flags, the documentation.
//
//	data: /var/lib/ikada
//	forward:
//	  listen: 0.0.0.0:24224
//	  shared_key: "…"
//	load:
//	  age: 5s
//
// Reading is strict. A key that no setting has, or a value that a setting does
// not accept, is an error that names file, line, key, value and what is
// accepted; all errors of a file are reported at once.
package config

import (
	"log/slog"
	"time"

	"github.com/ikada-io/ikada/declare"
)

// Config is a complete, valid configuration.
type Config struct {
	Data      string // directory of everything that Ikada keeps
	Buckets   string // "s3://…", or empty: they are directories below Data
	Forward   Forward
	HTTP      HTTP
	Memory    Memory
	Stream    Stream
	Kinesis   Kinesis
	Buffer    Buffer
	Route     Route
	Load      Loads
	Warehouse Warehouse
	Shutdown  Shutdown
	Log       Log
	Hash      Hash

	// Types and Routes are the declared log types, in the order of the file, and
	// Declared is what the stages make of them; nil if nothing is declared.
	Types    []declare.Type
	Routes   []declare.Route
	Declared *declare.Set

	// Warnings are what the operator should know though it is no error, such
	// as an environment variable that looks like a misspelt setting.
	Warnings []string

	sources map[string]string // setting → where its value is from
}

// Forward is the input for Fluentd, Fluent Bit and logger libraries.
type Forward struct {
	Listen         string // host:port, empty if it is off
	SharedKey      Secret // empty if clients need not know one
	Users          map[string]Secret
	Hostname       string // how this server names itself in the handshake
	TLS            TLS
	MaxConnections int
}

// HTTP is the input over HTTP, and the status, query and metrics pages.
type HTTP struct {
	Listen  string   // host:port, empty if it is off
	Tokens  []Secret // empty if everyone may call
	TLS     TLS
	MaxBody int64 // bytes of a request after decompression
}

// TLS names a certificate and its key: both files or neither.
type TLS struct {
	Cert string
	Key  string
}

// Enabled reports whether there is a certificate.
func (t TLS) Enabled() bool { return t.Cert != "" }

// Memory bounds what waits in memory to be stored.
type Memory struct {
	Total int64 // bytes received and not yet stored, of all connections
}

// Stream is the durable stream behind the inputs.
type Stream struct {
	Shards    int   // never 0: resolved when the configuration is loaded
	DiskLimit int64 // bytes; beyond it senders wait
}

// Kinesis is the stream that `ikada collect` writes to.
type Kinesis struct {
	Stream   string
	Region   string
	Endpoint string
}

// Buffer makes bundles.
type Buffer struct {
	BundleSize int64         // raw bytes at which a bundle is closed
	Flush      time.Duration // age at which a bundle is closed
	Window     time.Duration // how long a resent chunk is recognised
	WindowKeys int           // how many chunks are remembered at most
}

// Route makes archive files and manifests.
type Route struct {
	Interval time.Duration
	FileSize int64 // bytes of an archive file as stored
}

// Loads is how archive files are put into tables.
type Loads struct {
	Bytes    int64         // waiting raw bytes at which a log type is loaded
	Age      time.Duration // waiting time at which a log type is loaded
	Parallel int           // log types loaded at once
}

// Warehouse is where the tables are.
type Warehouse struct {
	Kind string // "duckdb", "redshift" or "none"
	URL  Secret // of Redshift
	// Auth is how to log in to Redshift: "password" (of the URL), "iam" (Cluster
	// or Workgroup) or "secret" (SecretARN).
	Auth      string
	Cluster   string
	Workgroup string
	SecretARN string
	IAMRole   string // of Redshift's COPY
	Schema    string // of Redshift's tables
	Memory    int64
	Threads   int // never 0: resolved when the configuration is loaded
}

// Shutdown bounds the time to drain.
type Shutdown struct {
	Timeout time.Duration
}

// Log is Ikada's own log.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Hash is the keyed hash of fields that declared log types hash.
type Hash struct {
	Secret Secret
}
