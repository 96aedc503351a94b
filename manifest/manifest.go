// Package manifest is the format of a COPY manifest: the archive files of one
// log type and class that one plan made. It is Redshift's format, with what
// Ikada's own loads need under the key "ikada".
package manifest

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada"
)

// Manifest is one object of the manifest bucket.
type Manifest struct {
	Entries []Entry `json:"entries"`
	Ikada   Detail  `json:"ikada"`
}

// Entry is what Redshift's COPY reads.
type Entry struct {
	URL       string `json:"url"`
	Mandatory bool   `json:"mandatory"` // always true: a missing file fails the load
	Meta      Meta   `json:"meta"`
}

// Meta is Redshift's name for it; only the length is required, of other formats.
type Meta struct {
	ContentLength int64 `json:"content_length"`
}

// Version is the format version of Detail.
const Version = 1

// Detail is what Ikada's loads need.
type Detail struct {
	Version int           `json:"version"`
	Plan    uint64        `json:"plan"`
	Type    ikada.LogType `json:"type"`
	Class   ikada.Class   `json:"class"` // 0 plain, 1 hard
	Rows    int64         `json:"rows"`
	Raw     int64         `json:"raw"` // bytes of newline-delimited JSON
	// Created is when the plan was made, and OldestArrival when its oldest
	// record reached Ikada, in nanoseconds since the Unix epoch.
	Created       int64         `json:"created"`
	OldestArrival int64         `json:"oldest_arrival"`
	Files         []File        `json:"files"` // parallel to Entries
	Fields        []ikada.Field `json:"fields"`
}

// File is an archive file.
type File struct {
	Key    string `json:"key"` // in the archive bucket
	Size   int64  `json:"size"`
	Raw    int64  `json:"raw"`
	Rows   int64  `json:"rows"`
	CRC32C uint32 `json:"crc32c"` // of the file as stored
}

// Key returns the key of a manifest: "app.access/000000000/000000000012.manifest",
// or "….hard.manifest" for hard rows. Keys of a type sort in plan order. Folders
// hold a thousand plans, so that listing the newest stays cheap where a folder
// must be read whole.
func Key(t ikada.LogType, plan uint64, class ikada.Class) string {
	if class == ikada.Hard {
		return From(t.PathName(), plan) + hardSuffix
	}
	return From(t.PathName(), plan) + suffix
}

const (
	suffix     = ".manifest"
	hardSuffix = ".hard" + suffix
)

// From returns what sorts before the keys of a plan's manifests of a type, and
// behind those of lower plans. folder is the type's PathName.
func From(folder string, plan uint64) string {
	return fmt.Sprintf("%s/%09d/%012d", folder, plan/1000, plan)
}

// ParseKey returns the folder (a log type's PathName), plan and class of a key.
func ParseKey(key string) (folder string, plan uint64, class ikada.Class, err error) {
	stem, isManifest := strings.CutSuffix(key, suffix)
	if cut, hard := strings.CutSuffix(stem, ".hard"); hard {
		stem, class = cut, ikada.Hard
	}
	folder, _, _ = strings.Cut(stem, "/")
	plan, err = strconv.ParseUint(path.Base(stem), 10, 64)
	if !isManifest || err != nil || stem != From(folder, plan) {
		return "", 0, 0, fmt.Errorf("manifest key %q: want TYPE/NNNNNNNNN/NNNNNNNNNNNN.manifest or ….hard.manifest", key)
	}
	return folder, plan, class, nil
}

// Decode reads a manifest.
func Decode(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("read manifest: %w: %w", ikada.ErrCorrupt, err)
	}
	if m.Ikada.Version != Version {
		return nil, fmt.Errorf("read manifest: version %d: %w", m.Ikada.Version, ikada.ErrVersion)
	}
	if len(m.Entries) != len(m.Ikada.Files) {
		return nil, fmt.Errorf("read manifest: %d entries but %d files: %w", len(m.Entries), len(m.Ikada.Files), ikada.ErrCorrupt)
	}
	return &m, nil
}

// Encode writes a manifest; the same manifest gives the same bytes.
func (m *Manifest) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return append(data, '\n'), nil
}
