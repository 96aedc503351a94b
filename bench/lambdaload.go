package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/ikada-io/ikada/internal/producers"
	"github.com/ikada-io/ikada/redshiftstandin"
)

// requests are what functions ask of an S3 store.
type requests struct{ puts, gets, lists, deletes int }

func (r requests) minus(o requests) requests {
	return requests{r.puts - o.puts, r.gets - o.gets, r.lists - o.lists, r.deletes - o.deletes}
}

func (r requests) plus(o requests) requests { return r.minus(requests{}.minus(o)) }

// perMillion is as the store's bill has it, for a million events.
func (r requests) perMillion(events int) string {
	each := func(n int) string { return thousands(float64(n) * 1e6 / float64(events)) }
	return fmt.Sprintf("%s PUT, %s GET, %s LIST", each(r.puts), each(r.gets), each(r.lists))
}

// counted is a proxy before the store that counts.
type counted struct {
	mu sync.Mutex
	n  requests
}

func (c *counted) read() requests {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// startCounting returns the proxy's endpoint.
func startCounting(c *cloud) (*counted, string) {
	target, err := url.Parse(c.store.Endpoint)
	if err != nil {
		c.Fatal(err)
	}
	count := &counted{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Host = r.In.Host // which is signed
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.mu.Lock()
		switch {
		case r.Method == http.MethodPut || r.Method == http.MethodPost:
			count.n.puts++
		case r.Method == http.MethodDelete:
			count.n.deletes++
		case r.URL.Query().Has("list-type"):
			count.n.lists++
		default:
			count.n.gets++
		}
		count.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	c.Cleanup(server.Close)
	return count, server.URL
}

// bill is what some events cost in requests and statements.
type bill struct {
	buffer, route, load  requests
	batches, files, runs int
	types, copies        int
}

// statements counts the S3 requests and the COPY statements of all three
// functions, for batches of 6 MB and for ones an eighth as large.
func (b *bench) statements(ctx context.Context) error {
	if !b.wants("lambda-load") {
		return nil
	}
	events := max(min(b.events/10, 200_000), 1000)
	layouts := producers.Layouts()
	plain := layouts[slices.IndexFunc(layouts, func(l producers.Layout) bool { return l.Name == "fluent-plugin-kinesis" })]
	var bills []bill
	for _, limit := range []int{batchData, batchData / 8} {
		if err := b.onCloud(ctx, func(c *cloud) error {
			one, err := c.run(asProducer(plain, events, limit))
			bills = append(bills, one)
			return err
		}); err != nil {
			return err
		}
	}
	for i, one := range bills {
		size := []string{"6 MB", "0.75 MB"}[i]
		b.tell("batches of %s: %+v", size, one)
		b.table.add("S3 requests a million events, batches of "+size, "buffer "+one.buffer.perMillion(events),
			fmt.Sprintf("route, %d runs: %s", one.runs, one.route.perMillion(events)), "load: "+one.load.perMillion(events), "")
	}
	few, many := bills[0], bills[1]
	b.table.add("COPY statements after a backlog", fmt.Sprintf("%d for %d log types in %d files", few.copies, few.types, few.files),
		fmt.Sprintf("%d for %d log types in %d files", many.copies, many.types, many.files), "",
		target("one a log type", few.copies == few.types && many.copies == many.types && many.files > few.files))
	return nil
}

// run has the functions bring events into a stand-in of Redshift. Route runs after
// each batch; load once, at the end, as after a backlog.
func (c *cloud) run(all *batched) (total bill, err error) {
	count, endpoint := startCounting(c)
	p := c.place(endpoint)
	standin, copies, err := p.redshift()
	if err != nil {
		return total, err
	}
	defer func() { _ = standin.Close() }()
	buffer, route := p.function("buffer"), p.function("route")
	next := 1
	total.batches = len(all.batches)
	for _, batch := range all.batches {
		before := count.read()
		if next, err = all.deliver(c.ctx, buffer, [][][]byte{batch}, next); err != nil {
			return total, err
		}
		between := count.read()
		if _, err := route.Invoke(c.ctx, nil); err != nil {
			return total, err
		}
		total.runs++
		total.buffer = total.buffer.plus(between.minus(before))
		total.route = total.route.plus(count.read().minus(between))
	}
	before := count.read()
	load := p.function("load", "IKADA_REDSHIFT_DSN="+standin.URL(), "IKADA_REDSHIFT_IAM_ROLE=arn:aws:iam::123456789012:role/load")
	if _, err := load.Invoke(c.ctx, map[string]string{"source": "aws.scheduler"}); err != nil {
		return total, err
	}
	total.load, total.copies = count.read().minus(before), copies()
	manifests, err := readManifests(c.ctx, p.dir())
	if err != nil {
		return total, err
	}
	types := map[string]bool{}
	for _, m := range manifests {
		types[string(m.Ikada.Type)] = true
		total.files += len(m.Ikada.Files)
	}
	total.types = len(types)
	return total, checkArchive(c.ctx, p.dir(), int64(all.events))
}

// redshift starts a stand-in, and returns how many COPY statements it had.
func (p place) redshift() (*redshiftstandin.Server, func() int, error) {
	bucket, err := p.open("")
	if err != nil {
		return nil, nil, err
	}
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{bucket}})
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	copies := 0
	standin.Inject(redshiftstandin.Fault{Match: func(sql string) bool { // which sees every statement, and strikes none
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(strings.TrimSpace(sql), "COPY ") {
			copies++
		}
		return false
	}})
	return standin, func() int {
		mu.Lock()
		defer mu.Unlock()
		return copies
	}, nil
}
