// Command gofluent sends events with fluent-logger-golang, each with its own
// acknowledgement, and goes on until all are acknowledged. It is a module of
// its own because that library and Ikada's cannot share a binary.
package main

import (
	"flag"
	"fmt"
	"log"
	"sync"

	"github.com/fluent/fluent-logger-golang/fluent"
)

func main() {
	log.SetFlags(0)
	host := flag.String("host", "127.0.0.1", "server")
	port := flag.Int("port", 24224, "server's port")
	tag := flag.String("tag", "go.events", "tag")
	count := flag.Int("count", 1000, "events")
	workers := flag.Int("workers", 8, "connections")
	flag.Parse()

	var wg sync.WaitGroup
	for w := range *workers {
		wg.Go(func() { send(*host, *port, *tag, w, *workers, *count) })
	}
	wg.Wait()
	fmt.Printf("acknowledged %d\n", *count)
}

// send posts events w, w+step, … and tries again until each is acknowledged.
func send(host string, port int, tag string, w, step, count int) {
	logger, err := fluent.New(fluent.Config{
		FluentHost:   host,
		FluentPort:   port,
		RequestAck:   true,
		MaxRetry:     1000,
		RetryWait:    50,
		MaxRetryWait: 500,
	})
	if err != nil {
		log.Fatalf("connect to %s:%d: %v", host, port, err)
	}
	defer func() { _ = logger.Close() }()
	for seq := w; seq < count; seq += step {
		event := map[string]any{
			"seq":      seq,
			"checksum": seq*31 + 7,
			"message":  fmt.Sprintf("event %d, 丸太 %d", seq, seq%10),
			"ratio":    float64(seq) / 8,
			"nested":   map[string]any{"even": seq%2 == 0},
		}
		if err := logger.Post(tag, event); err != nil {
			log.Fatalf("post event %d: %v", seq, err)
		}
	}
}
