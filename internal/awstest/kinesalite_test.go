package awstest

import (
	"io"
	"net"
	"strings"
	"testing"
)

// A client that is killed in the middle of a request must not take the server
// along.
func TestKinesisOutlivesAClientThatIsKilled(t *testing.T) {
	k := StartKinesis(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(k.Endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	stream := k.NewStream(t, 1)                              // so the server has seen the request
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // ends by a reset
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	k.Put(t, stream, []byte("a record"))
	if held := k.Records(t, stream); len(held) != 1 {
		t.Errorf("the server has %d shards, want 1", len(held))
	}
	k.NewStream(t, 1)
}
