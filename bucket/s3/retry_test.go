package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/awstest"
)

// all makes one call of each kind.
func all(ctx context.Context, b *Bucket, key string) map[string]error {
	errs := map[string]error{
		"create": b.Create(ctx, key, []byte("content")),
		"put":    b.Put(ctx, key, []byte("content")),
	}
	_, errs["get"] = b.Get(ctx, key, 0, -1, nil)
	_, errs["stat"] = b.Stat(ctx, key)
	for _, err := range b.List(ctx, "", "") {
		errs["list"] = err
	}
	for _, err := range b.Folders(ctx, "") {
		errs["folders"] = err
	}
	errs["delete"] = b.Delete(ctx, key)
	return errs
}

func TestRefusalsThatPassAreRetried(t *testing.T) {
	b, _ := faultyBucket(t, &faulty{fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
		switch n % 4 {
		case 1:
			return refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
		case 2:
			return refuse(w, r, http.StatusInternalServerError, "InternalError")
		case 3:
			return refuse(w, r, http.StatusTooManyRequests, "TooManyRequests")
		}
		return false
	}})
	for call, err := range all(t.Context(), b, "a/b") {
		if err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	// The create's mark is not asked for: no attempt of it was done in truth.
	want := Requests{Put: 8, Get: 4, Head: 4, List: 8, Delete: 4, Retries: 21}
	if got := b.Requests(); got != want || got.Total() != 28 {
		t.Errorf("requests %+v, want %+v", got, want)
	}
}

func TestConditionalConflictIsRetried(t *testing.T) {
	b, _ := faultyBucket(t, &faulty{fault: func(w http.ResponseWriter, r *http.Request, n int) bool {
		return n <= 3 && refuse(w, r, http.StatusConflict, "ConditionalRequestConflict")
	}})
	if err := b.Create(t.Context(), "a", []byte("x")); err != nil {
		t.Error(err)
	}
	if got := b.Requests(); got.Put != 4 {
		t.Errorf("requests %+v, want 4 puts", got)
	}
}

func TestOtherRefusalsAreFinal(t *testing.T) {
	b, _ := faultyBucket(t, &faulty{fault: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		return refuse(w, r, http.StatusNotImplemented, "NotImplemented")
	}})
	err := b.Create(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "the store cannot do this") || b.Requests().Put != 1 {
		t.Errorf("error %v, requests %+v", err, b.Requests())
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	b, _ := faultyBucket(t, &faulty{fault: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		return refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
	}})
	b.opts.MaxAttempts = 3
	for call, err := range all(t.Context(), b, "a/b") {
		if err == nil || errors.Is(err, ikada.ErrExists) || errors.Is(err, ikada.ErrNotFound) || !strings.Contains(err.Error(), "3 attempts") {
			t.Errorf("%s: %v", call, err)
		}
	}
	if got := b.Requests().Total(); got != 7*3 {
		t.Errorf("%d requests, want 21", got)
	}
}

func TestPauseEndsWithContext(t *testing.T) {
	b, _ := faultyBucket(t, &faulty{fault: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		return refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
	}})
	b.pause = func(ctx context.Context, _ int) error { return pause(ctx, 100) }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := b.Create(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > maxPause/5 {
		t.Errorf("it took %s", took)
	}
}

// The answer to a create is lost; what the retry finds is its own.
func TestCreateKnowsItsOwn(t *testing.T) {
	for name, lose := range map[string]func(*http.Response) error{
		"no answer": func(*http.Response) error { return errors.New("lost") },
		"500":       func(r *http.Response) error { r.StatusCode = http.StatusInternalServerError; return nil },
	} {
		puts := int64(2)
		if name == "no answer" {
			puts = 1
		}
		t.Run(name, func(t *testing.T) {
			b, direct := faultyBucket(t, &faulty{after: func(r *http.Response, n int) error {
				if n > 1 {
					return nil
				}
				return lose(r)
			}})
			if err := b.Create(t.Context(), "a", []byte("mine")); err != nil {
				t.Errorf("it is its own: %v", err)
			}
			if got := b.Requests(); got.Put != puts || got.Head != 1 {
				t.Errorf("requests %+v, want %d puts and a look", got, puts)
			}
			if data, err := direct.Get(t.Context(), "a", 0, -1, nil); err != nil || string(data) != "mine" {
				t.Errorf("got %q, error %v", data, err)
			}
			if err := b.Create(t.Context(), "a", []byte("mine")); !errors.Is(err, ikada.ErrExists) {
				t.Errorf("another create of the same content: %v", err)
			}
		})
	}
}

// The request of a create is lost, and another writer comes in between.
func TestCreateKnowsThatOfAnother(t *testing.T) {
	for name, status := range map[string]int{"it can be asked": 0, "it cannot be asked": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{}
			b, direct := faultyBucket(t, f)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				switch {
				case n == 1:
					if err := direct.Create(r.Context(), "a", []byte("mine")); err != nil { // the same content
						t.Error(err)
					}
					return refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
				case r.Method == http.MethodHead && status != 0:
					return refuse(w, r, status, "")
				}
				return false
			}
			if err := b.Create(t.Context(), "a", []byte("mine")); !errors.Is(err, ikada.ErrExists) {
				t.Errorf("error %v, want ErrExists", err)
			}
		})
	}
}

func TestDamagedTransfersAreRetried(t *testing.T) {
	damage := func(body io.ReadCloser) io.ReadCloser {
		data, _ := io.ReadAll(body)
		data[len(data)/2] ^= 1
		return io.NopCloser(bytes.NewReader(data))
	}
	b, direct := faultyBucket(t, &faulty{
		fault: func(_ http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				r.Body = damage(r.Body)
			}
			return false
		},
		after: func(r *http.Response, n int) error {
			if n == 3 {
				r.Body = damage(r.Body)
			}
			return nil
		},
	})
	want := body(200_000)
	if err := b.Create(t.Context(), "a", want); err != nil {
		t.Fatal(err)
	}
	for who, b := range map[string]*Bucket{"behind": b, "direct": direct} {
		data, err := b.Get(t.Context(), "a", 0, -1, nil)
		if err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s: %d bytes, error %v", who, len(data), err)
		}
	}
	if got := b.Requests(); got.Put != 2 || got.Get != 2 {
		t.Errorf("requests %+v, want each twice", got)
	}
}

func TestCutConnections(t *testing.T) {
	server := awstest.StartS3(t)
	content := body(4 << 20)
	for name, plan := range map[string]cut{
		"reset while sending":    {up: 1 << 20},
		"silence while sending":  {up: 1 << 20, silent: true},
		"reset at once":          {up: 1},
		"reset at the answer":    {down: 1},
		"silence for the answer": {down: 1, silent: true},
	} {
		t.Run("create: "+name, func(t *testing.T) {
			o := options(server, server.NewBucket(t))
			o.Endpoint, o.Stall = newWire(t, server.Endpoint, plan, plan).URL, 400*time.Millisecond
			b := open(t, o)
			if err := b.Create(t.Context(), "a", content[:1000], content[1000:]); err != nil {
				t.Error(err)
			}
			if data, err := b.Get(t.Context(), "a", 0, -1, nil); err != nil || !bytes.Equal(data, content) {
				t.Errorf("%d bytes, error %v", len(data), err)
			}
			if got := b.Requests(); got.Put > 3 || got.Put+got.Head < 3 {
				t.Errorf("requests %+v, want three attempts", got)
			}
		})
	}
	name := server.NewBucket(t)
	if err := open(t, options(server, name)).Create(t.Context(), "a", content); err != nil {
		t.Fatal(err)
	}
	for what, plan := range map[string]cut{"reset": {down: 1_500_000}, "silence": {down: 1_500_000, silent: true}} {
		for _, off := range []int64{0, 100, -3_500_000} {
			t.Run(fmt.Sprintf("get from %d: %s", off, what), func(t *testing.T) {
				o := options(server, name)
				w := newWire(t, server.Endpoint, plan, plan)
				o.Endpoint, o.Stall = w.URL, 400*time.Millisecond
				b := open(t, o)
				data, err := b.Get(t.Context(), "a", off, -1, nil)
				if want := content[(off+int64(len(content)))%int64(len(content)):]; err != nil || !bytes.Equal(data, want) {
					t.Errorf("%d bytes of %d, error %v", len(data), len(want), err)
				}
				if got := b.Requests(); got.Get != 3 {
					t.Errorf("requests %+v, want 3: each goes on where the last was cut", got)
				}
			})
		}
	}
}

// An object that is replaced while a Get of it is resumed comes back whole.
func TestResumeOfAReplacedObject(t *testing.T) {
	second := bytes.ToUpper(body(300_000))
	f := &faulty{}
	b, direct := faultyBucket(t, f)
	f.after = func(r *http.Response, n int) error {
		if n > 1 {
			return nil
		}
		r.Body = io.NopCloser(io.LimitReader(r.Body, 100_000)) // the proxy resets at its end
		return direct.Put(r.Request.Context(), "a", second)
	}
	if err := direct.Create(t.Context(), "a", body(400_000)); err != nil {
		t.Fatal(err)
	}
	data, err := b.Get(t.Context(), "a", 0, -1, nil)
	if err != nil || !bytes.Equal(data, second) {
		t.Errorf("%d bytes, error %v", len(data), err)
	}
	if got := b.Requests(); got.Get != 3 {
		t.Errorf("requests %+v, want 3: cut, refused to go on, whole", got)
	}
}

func TestSlowTransfersAreNotCut(t *testing.T) {
	const stall = 500 * time.Millisecond
	slow := func(r io.ReadCloser) io.ReadCloser { return io.NopCloser(&slowReader{r: r}) }
	b, _ := faultyBucket(t, &faulty{
		fault: func(_ http.ResponseWriter, r *http.Request, _ int) bool { r.Body = slow(r.Body); return false },
		after: func(r *http.Response, _ int) error { r.Body = slow(r.Body); return nil },
	})
	b.opts.Stall = stall
	content := body(24 << 20) // more than the sockets' buffers hold
	start := time.Now()
	if err := b.Create(t.Context(), "a", content); err != nil {
		t.Error(err)
	}
	data, err := b.Get(t.Context(), "a", 0, -1, nil)
	if err != nil || !bytes.Equal(data, content) {
		t.Errorf("%d bytes, error %v", len(data), err)
	}
	if took := time.Since(start); took < 4*stall || b.Requests().Retries != 0 {
		t.Errorf("it took %s, requests %+v", took, b.Requests())
	}
}

// slowReader reads with a pause each half megabyte.
type slowReader struct {
	r    io.Reader
	next int
}

func (s *slowReader) Read(b []byte) (int, error) {
	if s.next <= 0 {
		time.Sleep(25 * time.Millisecond)
		s.next = 1 << 19
	}
	n, err := s.r.Read(b)
	s.next -= n
	return n, err
}
