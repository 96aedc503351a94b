package s3

import "sync/atomic"

// Requests are the requests that a bucket has sent, retries among them: what
// the store's bill counts. Requests for credentials are not among them, nor
// are those that net/http repeats because the connection had just been closed.
type Requests struct {
	Put    int64 // billed with List, at about ten times a Get
	Get    int64
	Head   int64 // billed as Get
	List   int64
	Delete int64 // free

	Retries int64 // how many of the above were not the first attempt
}

// Total returns the number of all requests.
func (r Requests) Total() int64 { return r.Put + r.Get + r.Head + r.List + r.Delete }

// op is a kind of request.
type op int

const (
	opPut op = iota
	opGet
	opHead
	opList
	opDelete
	ops
)

type counter struct {
	sent    [ops]atomic.Int64
	retries atomic.Int64
}

func (c *counter) read() Requests {
	return Requests{
		Put:     c.sent[opPut].Load(),
		Get:     c.sent[opGet].Load(),
		Head:    c.sent[opHead].Load(),
		List:    c.sent[opList].Load(),
		Delete:  c.sent[opDelete].Load(),
		Retries: c.retries.Load(),
	}
}
