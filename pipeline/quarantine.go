package pipeline

import (
	"context"
	"sync"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/quarantine"
)

// sender puts records of the quarantine back into the stream.
func sender(b *collect.Batcher) quarantine.Sender {
	return func(ctx context.Context, tag string, id []byte, format batch.Format, payload []byte) error {
		return b.Add(ctx, collect.Chunk{Tag: tag, ID: id, Format: format, Payload: payload, Origin: "quarantine", Events: 1})
	}
}

// kinesisSender is a way into Kinesis that is opened when it is first used.
type kinesisSender struct {
	store *store
	open  sync.Mutex
	send  quarantine.Sender // nil before
	close func() error
}

// Send puts a record into the stream.
func (k *kinesisSender) Send(ctx context.Context, tag string, id []byte, format batch.Format, payload []byte) error {
	send, err := k.sender(ctx)
	if err != nil {
		return err
	}
	return send(ctx, tag, id, format, payload)
}

func (k *kinesisSender) sender(ctx context.Context) (quarantine.Sender, error) {
	k.open.Lock()
	defer k.open.Unlock()
	if k.send != nil {
		return k.send, nil
	}
	writer, err := openKinesis(ctx, k.store.cfg, k.store.log)
	if err != nil {
		return nil, err
	}
	b := newKinesisBatcher(writer, k.store.log, nil)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Run(running) // of a context: that it was ended
	}()
	k.send, k.close = sender(b), func() error {
		stop()
		<-done
		return writer.Close()
	}
	return k.send, nil
}

// Close ends the way, if it was opened.
func (k *kinesisSender) Close() error {
	if k == nil || k.close == nil {
		return nil
	}
	return k.close()
}
