// Package history tells what became of the log types: which there are and how
// their tables look (Types, Show), what was loaded when, and which loads failed
// (Loads, Failures). It reads the warehouse's catalog, ledger and journal, and
// manifests, and changes nothing.
package history

import (
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// History reads what is stored.
type History struct {
	Manifests bucket.Bucket
	Warehouse warehouse.Warehouse
	// Declared returns the columns that an operator wants for a log type; nil: none.
	Declared func(ikada.LogType) []warehouse.Column
	Now      func() time.Time // nil: time.Now
}

func (h *History) now() time.Time {
	if h.Now == nil {
		return time.Now().UTC()
	}
	return h.Now().UTC()
}
