package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ikada-io/ikada/bucket"
)

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	if err := bucket.Check(key); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if n == 0 { // HTTP has no range of no bytes
		_, err := b.Stat(ctx, key)
		return buf[:0], err
	}
	d := &download{bucket: b, key: key, off: off, n: n, data: buf[:0]}
	if err := b.try(ctx, "get", key, d.attempt); err != nil {
		return nil, err
	}
	return d.data, nil
}

// download is a Get under way. What an attempt has got is kept, and the next
// goes on behind it.
type download struct {
	bucket *Bucket
	key    string
	off, n int64 // what the caller asked for

	data []byte
	etag string // of the object that data is from; "" if it cannot be told
	from int64  // where in the object data begins
	want int64  // how long it is going to be
}

func (d *download) attempt(ctx context.Context, a *attempt) error {
	in := &sdk.GetObjectInput{Bucket: &d.bucket.name, Key: d.bucket.full(d.key)}
	if d.etag == "" {
		d.data = d.data[:0]
	}
	resumed := len(d.data) > 0
	if resumed {
		in.IfMatch = &d.etag
		in.Range = span(d.from+int64(len(d.data)), d.want-int64(len(d.data)))
	} else {
		in.Range = span(d.off, d.n)
	}
	a.sends(opGet)
	out, err := d.bucket.client.GetObject(ctx, in)
	switch {
	case resumed && status(err) == http.StatusPreconditionFailed:
		d.data = d.data[:0]
		return fmt.Errorf("%w, and the object was replaced meanwhile", errBroken)
	case !resumed && status(err) == http.StatusRequestedRangeNotSatisfiable:
		return nil // it is there, and the range is beyond its end
	case err != nil:
		return d.bucket.absent(err)
	}
	defer out.Body.Close() //nolint:errcheck // it was only read
	if !resumed {
		if err := d.begin(out); err != nil {
			return err
		}
	}
	return d.read(a.reader(out.Body), resumed || d.want == *out.ContentLength)
}

// span is the header that asks for n bytes from off, nil for the whole object.
// From an offset that counts from the end, HTTP knows only 'to the end'.
func span(off, n int64) *string {
	var text string
	switch {
	case off == 0 && n < 0:
		return nil
	case off < 0:
		text = "bytes=-" + strconv.FormatUint(uint64(-off), 10)
	case n < 0 || off > math.MaxInt64-n:
		text = fmt.Sprintf("bytes=%d-", off)
	default:
		text = fmt.Sprintf("bytes=%d-%d", off, off+n-1)
	}
	return &text
}

// begin learns from the first response what is going to come.
func (d *download) begin(out *sdk.GetObjectOutput) error {
	if out.ContentLength == nil || *out.ContentLength < 0 {
		return errors.New("the response does not tell its length")
	}
	first, size := int64(0), *out.ContentLength
	if out.ContentRange != nil {
		var last int64
		if _, err := fmt.Sscanf(*out.ContentRange, "bytes %d-%d/%d", &first, &last, &size); err != nil {
			return fmt.Errorf("the response has the range %q, which cannot be read: %w", *out.ContentRange, err)
		}
	}
	d.from, d.want = bucket.Range(size, d.off, d.n)
	if first != d.from || d.want > *out.ContentLength {
		return fmt.Errorf("asked for %d bytes from %d of %d, the store sent %d from %d", d.want, d.from, size, *out.ContentLength, first)
	}
	if int64(cap(d.data)) < d.want {
		d.data = make([]byte, 0, d.want)
	}
	d.etag = ""
	if out.ETag != nil && !strings.HasPrefix(*out.ETag, "W/") {
		d.etag = *out.ETag
	}
	return nil
}

// read reads what is missing. toEnd tells that nothing follows: then the end
// is read too, where the SDK compares the checksum of a whole object.
func (d *download) read(body io.Reader, toEnd bool) error {
	got := len(d.data)
	n, err := io.ReadFull(body, d.data[got:d.want])
	d.data = d.data[:got+n]
	if err != nil {
		return fmt.Errorf("%w after %d of %d bytes: %w", errBroken, len(d.data), d.want, err)
	}
	if !toEnd {
		return nil
	}
	var more [1]byte
	if n, err := body.Read(more[:]); n > 0 || !errors.Is(err, io.EOF) {
		d.data = d.data[:0]
		return fmt.Errorf("%w: it is damaged at its end: %w", errBroken, err)
	}
	return nil
}
