package api

import (
	"time"

	"github.com/ikada-io/ikada"
)

// Status is how a pipeline does at one moment.
type Status struct {
	Version string        `json:"version"`
	Started time.Time     `json:"started"`
	State   State         `json:"state"`
	Stages  []StageStatus `json:"stages"` // in the order of the pipeline; no load where there is no warehouse
	Types   []TypeStatus  `json:"types"`  // in the order of their names
	// OldestUnloaded is the arrival of the oldest event that is not yet where
	// the last stage brings it, which is its table, or without a warehouse the
	// archive; zero if every event is.
	OldestUnloaded time.Time `json:"oldest_unloaded,omitzero"`
	Addresses      Addresses `json:"addresses"`
	// Audit is nil where none is made by itself.
	Audit   *AuditStatus `json:"audit,omitempty"`
	DataDir string       `json:"data_dir"`
}

// Unknown returns why it cannot be told whether every event has arrived; empty if
// it can.
func (s *Status) Unknown() string {
	for i := range s.Stages {
		if b := &s.Stages[i].Backlog; b.Unknown != "" {
			return b.Unknown
		}
	}
	return ""
}

// Loads reports whether events get into tables here.
func (s *Status) Loads() bool {
	return len(s.Stages) > 0 && s.Stages[len(s.Stages)-1].Name == "load"
}

// State is what a pipeline is doing.
type State string

const (
	Starting State = "starting"
	Running  State = "running"
	Draining State = "draining"
)

// Addresses are where a pipeline listens, empty where it does not.
type Addresses struct {
	Forward string `json:"forward,omitempty"` // host:port
	HTTP    string `json:"http,omitempty"`    // http://host:port
}

// StageStatus is what one stage did and what waits for it.
type StageStatus struct {
	Name string `json:"name"` // collect, stream, buffer, route, load
	ikada.Snapshot
	EventsPerSecond float64 `json:"events_per_second"` // over the last 10 s
	BytesPerSecond  float64 `json:"bytes_per_second"`
	Backlog         Backlog `json:"backlog"`
}

// Backlog is what waits for a stage.
type Backlog struct {
	Messages int64     `json:"messages"`
	Files    int64     `json:"files"`
	Bytes    int64     `json:"bytes"`
	Oldest   time.Time `json:"oldest,omitzero"`
	Unknown  string    `json:"unknown,omitempty"` // why none of this can be told
}

// TypeStatus is one log type: its table, and what waits to get there.
type TypeStatus struct {
	Type       ikada.LogType `json:"type"`
	Table      string        `json:"table"`
	Rows       int64         `json:"rows"`  // loaded in all, by the ledger
	Bytes      int64         `json:"bytes"` // raw, likewise
	Columns    int           `json:"columns"`
	LastLoaded time.Time     `json:"last_loaded,omitzero"` // zero: never
	Waiting    Waiting       `json:"waiting"`
	Error      string        `json:"error,omitempty"` // why its last load failed
}

// Waiting is what is archived and in no table yet.
type Waiting struct {
	Files  int64     `json:"files"`
	Bytes  int64     `json:"bytes"`
	Oldest time.Time `json:"oldest,omitzero"`
}
