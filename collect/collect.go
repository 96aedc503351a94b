// Package collect is the first stage: it accepts records from the network and
// answers only when the stream has them on disk.
//
//	sockets ──► forward, httpin ──► Batcher ──► stream
//
// Servers (collect/forward, collect/httpin) find where messages end and hand
// their entries on as they came; nothing is decoded here. The Batcher packs
// what many senders sent into few stream messages (group commit), so that one
// fsync serves all of them. When the stream is slow or full, Put waits, the
// servers stop reading, and the senders keep what they have: nothing is dropped.
//
// Memory is bounded by the sum of: the Memory limit (read buffers and bodies),
// 32 KiB a connection, and RoomPerShard a shard of the stream. Messages that are
// too large for it are in files, of which a few may be there at a time.
package collect

import (
	"errors"

	"github.com/ikada-io/ikada/batch"
)

// Chunk is what one sender sent at once under one tag.
type Chunk struct {
	Tag string
	// ID is the sender's own id of the chunk. With the same id and the same
	// payload the chunk is recognised as a resend. Without one it gets a
	// random id.
	ID     []byte
	Format batch.Format
	// Payload is what the format says; of format batch.Bad, the raw bytes.
	Payload []byte
	// Reason says why the payload is Bad.
	Reason string
	// Origin says where it came from: "forward 10.0.0.7:51234".
	Origin string
	// Events is how many events it holds, for statistics.
	Events int
}

// ErrStopped: the stage was stopped. What was Put and is not durable may or may
// not be in the stream.
var ErrStopped = errors.New("collect has stopped")
