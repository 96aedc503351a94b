package jetstream

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
)

func TestTailHandsOverInAnyOrderOfOffers(t *testing.T) {
	tl := newTail(5)
	for _, seq := range []uint64{7, 4, 5, 6} {
		tl.offer(t.Context(), seq, []byte{byte(seq)})
	}
	for seq := uint64(5); seq <= 7; seq++ {
		m, ok := tl.take(seq)
		if !ok || m.Position != position(seq) || !bytes.Equal(m.Data, []byte{byte(seq)}) {
			t.Fatalf("message %d came as %+v, %v", seq, m, ok)
		}
		tl.release(m.Data)
	}
	if _, ok := tl.take(4); ok {
		t.Errorf("a message before the reader's place was kept")
	}
	if tl.bytes != 0 || len(tl.messages) != 0 {
		t.Errorf("an empty tail counts %d bytes in %d messages", tl.bytes, len(tl.messages))
	}
}

func TestTailIsBounded(t *testing.T) {
	tl := newTail(1)
	data := make([]byte, 1<<20)
	for seq := uint64(1); seq <= 40; seq++ {
		tl.offer(t.Context(), seq, data)
	}
	if held := len(tl.messages); held < 12 || held > 16 || tl.bytes > tailBytes+len(data)+len(data)/8 {
		t.Errorf("the tail holds %d messages in %d bytes", held, tl.bytes)
	}
	if waiting, refused := tl.state(40); !waiting || !refused {
		t.Errorf("waiting %v, refused %v, want both", waiting, refused)
	}
	tl.passed(40) // the reader fetched them all
	if waiting, refused := tl.state(41); waiting || refused || tl.bytes != 0 {
		t.Errorf("waiting %v, refused %v, %d bytes behind all", waiting, refused, tl.bytes)
	}
	if tl.spareCap > tailBytes {
		t.Errorf("%d bytes of spare buffers", tl.spareCap)
	}
	tl.offer(t.Context(), 41, []byte("small")) // must not take a large buffer along
	if m, ok := tl.take(41); !ok || cap(m.Data) > 8192 {
		t.Errorf("5 bytes took a buffer of %d, %v", cap(m.Data), ok)
	}
}

// filled returns a tail without room, of a reader that took message 1.
func filled(t *testing.T) *tail {
	tl := newTail(1)
	data := make([]byte, 1<<20)
	tl.offer(t.Context(), 1, data)
	tl.offer(t.Context(), 2, data)
	tl.take(1)
	for seq := uint64(3); !tl.full(len(data)); seq++ {
		tl.offer(t.Context(), seq, data)
	}
	return tl
}

func TestOfferWaitsForTheReader(t *testing.T) {
	for _, by := range []string{"a message taken", "messages fetched"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tl := filled(t)
				const late = 100
				go tl.offer(t.Context(), late, make([]byte, 1<<20))
				synctest.Wait()
				if _, ok := tl.messages[late]; ok {
					t.Fatal("it was taken without room")
				}
				time.Sleep(patience / 2)
				if by == "messages fetched" {
					tl.passed(4)
				} else {
					tl.take(2)
				}
				synctest.Wait()
				if _, ok := tl.messages[late]; !ok || tl.refused != 0 {
					t.Errorf("it is not in the tail, %d was refused", tl.refused)
				}
			})
		})
	}
}

func TestOfferDoesNotWaitLong(t *testing.T) {
	for name, of := range map[string]struct {
		pause   time.Duration // since the reader took one
		given   time.Duration // until the caller gives up
		fetched bool          // meanwhile, by the reader
		want    time.Duration
	}{
		"a slow reader":       {given: time.Minute, want: patience},
		"a reader that rests": {pause: pace, given: time.Minute},
		"a caller gives up":   {given: patience / 4, want: patience / 4},
		"it was fetched":      {given: time.Minute, fetched: true, want: patience / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tl := filled(t)
				time.Sleep(of.pause)
				if of.fetched {
					time.AfterFunc(patience/2, func() { tl.passed(100) })
				}
				ctx, cancel := context.WithTimeout(t.Context(), of.given)
				defer cancel()
				start := time.Now()
				tl.offer(ctx, 100, make([]byte, 1<<20))
				if took := time.Since(start); took != of.want {
					t.Errorf("it took %s, want %s", took, of.want)
				}
				if _, held := tl.messages[100]; held || tl.refused == 100 == of.fetched {
					t.Errorf("held %v, refused %d", held, tl.refused)
				}
			})
		})
	}
}

// A reader that falls behind changes between its tail and the server, and back.
func TestReaderThatFallsBehindSeesEveryMessageOnce(t *testing.T) {
	s := openDir(t, t.TempDir(), Options{Shards: 1})
	r, err := s.Open(t.Context(), s.lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data := make([]byte, 1<<20)
	appended, read := 0, 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	step := func(appends, reads int) {
		t.Helper()
		for range appends {
			data[0] = byte(appended)
			if err := s.Append(t.Context(), 0, data); err != nil {
				t.Fatal(err)
			}
			appended++
		}
		for range reads {
			m, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if m.Data[0] != byte(read) || m.Position != position(uint64(read+1)) {
				t.Fatalf("read message %d at %s, want %d", m.Data[0], m.Position, read)
			}
			read++
		}
	}
	step(2, 2)
	step(30, 5) // more than the tail holds
	step(10, 20)
	step(0, 15)
	step(5, 5)
	step(1, 1)
}

// A message whose Append was given up while it was stored is offered to nobody.
func TestMessageThatWasNotOfferedIsFetched(t *testing.T) {
	s := openDir(t, t.TempDir(), Options{Shards: 1})
	r, err := s.Open(t.Context(), s.lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next := func(want ikada.Position) {
		t.Helper()
		if m, err := r.Next(t.Context()); err != nil || m.Position != want {
			t.Fatalf("read %s, want %s, error %v", m.Position, want, err)
		}
	}
	if err := s.Append(t.Context(), 0, []byte("1")); err != nil {
		t.Fatal(err)
	}
	next(position(1))
	for i, then := range []bool{false, true} { // with nothing behind it, with a message behind it
		if _, err := s.write.Publish(t.Context(), subject(s.name, 0), []byte("not offered")); err != nil {
			t.Fatal(err)
		}
		if then {
			if err := s.Append(t.Context(), 0, []byte("behind")); err != nil {
				t.Fatal(err)
			}
		}
		next(position(uint64(2 + i)))
	}
	next(position(4))
}

// A reader that lost its tail to a newer one goes on from the server.
func TestOlderReaderIsWoken(t *testing.T) {
	s := openDir(t, t.TempDir(), Options{Shards: 1})
	older, err := s.Open(t.Context(), s.lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer older.Close()
	newer, err := s.Open(t.Context(), s.lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer newer.Close()
	for i := uint64(1); i <= 3; i++ {
		go func() {
			time.Sleep(2 * time.Millisecond)
			if err := s.Append(t.Context(), 0, []byte("x")); err != nil {
				t.Error(err)
			}
		}()
		for _, r := range []*reader{older.(*reader), newer.(*reader)} {
			if m, err := r.Next(t.Context()); err != nil || m.Position != position(i) {
				t.Fatalf("read %s, want %d, error %v", m.Position, i, err)
			}
		}
	}
}
