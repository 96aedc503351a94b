package s3

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ikada-io/ikada/internal/awstest"
)

// faulty is an HTTP proxy in front of the real server. fault may answer a
// request itself, or change it; it returns false to let it pass. after, if it
// is set, sees the server's answer and may change it.
type faulty struct {
	fault func(w http.ResponseWriter, r *http.Request, n int) bool
	after func(r *http.Response, n int) error
	n     atomic.Int64
}

// faultyBucket returns an empty bucket behind a proxy, and the same one
// without it.
func faultyBucket(t *testing.T, f *faulty) (behind, direct *Bucket) {
	t.Helper()
	server := awstest.StartS3(t)
	o := options(server, server.NewBucket(t))
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target) // it keeps the Host, which is signed
	pass.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	pass.ModifyResponse = func(r *http.Response) error {
		if f.after == nil {
			return nil
		}
		return f.after(r, int(f.n.Load()))
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := int(f.n.Add(1)); f.fault == nil || !f.fault(w, r, n) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	direct = open(t, o)
	o.Endpoint = proxy.URL
	return open(t, o), direct
}

// refuse answers as the store would.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>on purpose.</Message></Error>")
	}
	return true
}

// wire is a TCP proxy in front of a server: it breaks or holds up connections,
// in either direction.
type wire struct {
	URL string

	target string
	stop   chan struct{}
	mu     sync.Mutex
	plans  []cut // one for each connection to come; then all pass
}

// cut says after how many bytes of a direction a connection ends, by a reset
// or in silence. 0 is never.
type cut struct {
	up, down int64
	silent   bool
}

func newWire(t *testing.T, endpoint string, plans ...cut) *wire {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{URL: "http://" + l.Addr().String(), target: target.Host, stop: make(chan struct{}), plans: plans}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(c.(*net.TCPConn))
		}
	}()
	t.Cleanup(func() {
		close(w.stop)
		l.Close()
	})
	return w
}

func (w *wire) next() (plan cut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.plans) > 0 {
		plan, w.plans = w.plans[0], w.plans[1:]
	}
	return plan
}

func (w *wire) serve(client *net.TCPConn) {
	plan := w.next()
	upstream, err := net.Dial("tcp", w.target)
	if err != nil {
		client.Close()
		return
	}
	server := upstream.(*net.TCPConn)
	var ends sync.WaitGroup
	ends.Go(func() { w.copy(server, client, plan.up, plan.silent) })
	ends.Go(func() { w.copy(client, server, plan.down, plan.silent) })
	ends.Wait()
}

func (w *wire) copy(to, from *net.TCPConn, limit int64, silent bool) {
	if limit == 0 {
		_, _ = io.Copy(to, from)
	} else if n, _ := io.CopyN(to, from, limit); n == limit && silent {
		<-w.stop
	} else if n == limit {
		_ = to.SetLinger(0) // a reset, not an end
		_ = from.SetLinger(0)
	}
	to.Close()
	from.Close()
}

func body(size int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), size/16) }
