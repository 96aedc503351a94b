package awstest

import (
	"strings"
	"testing"
)

func TestCommandLinePutsRecords(t *testing.T) {
	k := StartKinesis(t)
	stream := k.NewStream(t, 1)
	cli := NewCLI(t, k)
	if err := cli.PutRecords(t.Context(), k, stream, []byte("日本\x00\xff"), []byte("b")); err != nil {
		t.Fatal(err)
	}
	got := k.Records(t, stream)["shardId-000000000000"]
	if len(got) != 2 || string(got[0].Data) != "日本\x00\xff" || string(got[1].Data) != "b" {
		t.Errorf("the stream holds %d records, not those two", len(got))
	}
	if err := cli.PutRecords(t.Context(), k, "absent", []byte("a")); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("a stream that is not there: %v", err)
	}
}
