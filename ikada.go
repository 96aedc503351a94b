// Package ikada is the vocabulary of the pipeline: the words that every stage
// and every contract shares, and the sentinel errors they agree on.
//
// The pipeline reads left to right, and so does the folder list:
//
//	collect ──► stream ──► buffer ──► bucket ──► route ──► bucket ──► load ──► warehouse
//
// This package imports nothing of the module. Stages (collect, buffer, route,
// load) import it and the contracts (stream, bucket, warehouse), never another
// stage and never an adapter; package pipeline wires them.
package ikada

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// LogType is what routes a record: by default its Fluentd tag. One log type is
// one archive prefix, one manifest a plan and one table. It comes from the
// network and is untrusted: PathName and TableName turn it into names.
type LogType string

// Quarantine is the log type of records that are no valid event. Its rows hold
// the reason, the origin and the raw bytes.
const Quarantine LogType = "_quarantine"

// Class says which kind of load a segment's rows may take.
type Class uint8

const (
	// Plain rows take the fast load.
	Plain Class = iota
	// Hard rows may break a fast load, or slow it (over 1 MiB, a string over 65,535 bytes,
	// too deep, a number beyond double). They travel in files of their own.
	Hard
)

func (c Class) String() string {
	if c == Hard {
		return "hard"
	}
	return "plain"
}

// Hour is an hour of UTC, counted from the Unix epoch. The archive is
// partitioned by it.
type Hour int64

// HourOf returns the hour that holds t.
func HourOf(t time.Time) Hour { return HourOfUnix(t.Unix()) }

// HourOfUnix returns the hour that holds the second s of the Unix epoch.
func HourOfUnix(s int64) Hour {
	h := s / 3600
	if s%3600 < 0 {
		h--
	}
	return Hour(h)
}

// Time returns the hour's first instant.
func (h Hour) Time() time.Time { return time.Unix(int64(h)*3600, 0).UTC() }

// Path returns the hour as archive keys have it: "dt=2026-11-23/hh=05".
func (h Hour) Path() string { return h.Time().Format("dt=2006-01-02/hh=15") }

// Lane is an ordered sequence of records: a stream's shard in one incarnation
// of the stream. A stream that was reset or truncated starts a new incarnation,
// so that a reused sequence number is never taken for a record already held.
type Lane struct {
	Stream      string // [a-z0-9]{1,16}
	Incarnation string // 8 characters of [0-9a-z], random, made with the stream
	Shard       int
}

// String returns the lane as keys have it: "main-k3j9x2ab-0".
func (l Lane) String() string {
	return l.Stream + "-" + l.Incarnation + "-" + strconv.Itoa(l.Shard)
}

// RowPrefix returns the lane's part of a row's _id: incarnation and shard.
func (l Lane) RowPrefix() string {
	return l.Incarnation + strconv.FormatInt(int64(l.Shard), 36)
}

// ParseLane is the inverse of Lane.String.
func ParseLane(s string) (Lane, error) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 || parts[0] == "" || len(parts[1]) != 8 {
		return Lane{}, fmt.Errorf("parse lane %q: want STREAM-INCARNATION-SHARD", s)
	}
	shard, err := strconv.Atoi(parts[2])
	if err != nil || shard < 0 {
		return Lane{}, fmt.Errorf("parse lane %q: shard %q is not a number", s, parts[2])
	}
	return Lane{Stream: parts[0], Incarnation: parts[1], Shard: shard}, nil
}

// Position is a record's place in its lane: fixed-width text per kind of
// stream, so positions of one lane compare as strings. The empty position is
// before every other.
type Position string

// Errors that stages and adapters agree on. Adapters wrap them; test with
// errors.Is.
var (
	// ErrExists: a create-if-absent found the key taken.
	ErrExists = errors.New("already exists")
	// ErrNotFound: no object with that key, or no such table or lane.
	ErrNotFound = errors.New("not found")
	// ErrFull: the stream's disk limit is reached. Nothing was stored; wait
	// for the pipeline to drain and try again.
	ErrFull = errors.New("stream is full")
	// ErrTruncated: the stream ends before a position that was already read:
	// it was reset or restored from an old copy. The lane needs a new
	// incarnation.
	ErrTruncated = errors.New("stream is truncated")
	// ErrCorrupt: stored bytes fail their checksum or their format.
	ErrCorrupt = errors.New("corrupt data")
	// ErrVersion: a format version that this program does not know.
	ErrVersion = errors.New("unknown format version")
)
