package rowflate

import "github.com/klauspost/compress/flate"

// generalBytes is how much is worth the library's memory, which is cleared for
// each segment.
const generalBytes = 16 << 10

// isText reports whether so many tokens for the first bytes of a segment are so
// many that its rows have little in common but what a search at every byte
// would find: free text. Of rows, a token stands for three to five bytes.
func isText(tokens, bytes int) bool { return bytes >= generalBytes && 5*tokens > 2*bytes }

// general appends raw as the library compresses it.
func (e *Encoder) general(dst, raw []byte) []byte {
	out := &appender{dst}
	if e.library == nil {
		e.library, _ = flate.NewWriter(out, 1) // fails on an unknown level only
	}
	e.library.Reset(out)
	_, _ = e.library.Write(raw) // fail if an appender does
	_ = e.library.Flush()
	return out.data
}

// appender is an io.Writer that appends.
type appender struct{ data []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.data = append(a.data, p...)
	return len(p), nil
}
