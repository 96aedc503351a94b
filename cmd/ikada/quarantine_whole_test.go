package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/quarantine"
)

// TestQuarantineOfMessagesAndLargeEvents: what was set aside before it was read.
func TestQuarantineOfMessagesAndLargeEvents(t *testing.T) {
	dir, _ := startUp(t)
	at, err := endpoints.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	sendMessages(t, at.Forward)
	large := `{"s":"` + strings.Repeat("x", 9<<20) + "\"}\n"
	answer, err := http.Post(at.HTTP+"/v1/logs/m.large", "", strings.NewReader(large+"{}\n"+large))
	if err != nil {
		t.Fatal(err)
	}
	told, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(told), `"quarantined":2`) {
		t.Errorf("got %s, %v", told, err)
	}
	_ = answer.Body.Close()
	until(t, "\n10\n", "query", "--data", dir, "--format", "csv", "select count(*) from _quarantine where part = 1")

	r := in(t, &app{}, "quarantine", "retry", "--data", dir, "--type", "m.all", "--dry-run")
	for _, want := range []string{"0 would be put back, 4 still bad", "decompress gzip: gzip: invalid checksum", `unknown compression "lz4"`, "decompress gzip: unexpected EOF", "message of 4 elements"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("retry: got %s, want %q", r.out, want)
		}
	}
	for _, record := range listed(t, dir, "m.large", 2) {
		if record.Pieces != 3 || record.Bytes != int64(len(large)) || record.Missing != nil {
			t.Errorf("list: got %+v, want 3 pieces of %d bytes", record, len(large))
		}
		if r := in(t, &app{}, "quarantine", "show", "--data", dir, "--raw", record.ID); r.out != large || r.code != exitOK {
			t.Errorf("show --raw: got %d bytes, %q; want %d", len(r.out), r.err, len(large))
		}
	}
	if r := in(t, &app{}, "quarantine", "list", "--data", dir, "--type", "m.large"); !strings.Contains(r.out, "  9437193       3  http ") {
		t.Errorf("list: got %s", r.out)
	}
}

func TestRawOfARecordThatIsNotWholeSaysSo(t *testing.T) {
	var out strings.Builder
	a := &app{out: &out}
	err := a.writeRaw(quarantine.Record{ID: "a-1-0", Whole: "ab", Pieces: 4, Missing: []int64{1, 3}, Data: []byte("bytes")})
	if out.String() != "bytes" || err == nil || !strings.Contains(err.Error(), "of its 4 pieces these are not in the quarantine: 1, 3;") {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// sendMessages sends Forward messages of m.all that are set aside whole.
func sendMessages(t *testing.T, to string) {
	t.Helper()
	gzip := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00" // of nothing, without its end
	message := func(elements uint32, payload string, compression string) []byte {
		b := msgp.AppendString(msgp.AppendArrayHeader(nil, elements), "m.all")
		b = msgp.AppendBytes(b, []byte(payload))
		return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(b, 1), "compressed"), compression)
	}
	nc, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	for _, m := range [][]byte{
		message(3, gzip+"\x01\x00\x00\x00\x00\x00\x00\x00", "gzip"), message(3, "x", "lz4"), message(3, gzip, "gzip"), msgp.AppendInt(message(4, "", "text"), 1),
	} {
		if _, err := nc.Write(m); err != nil {
			t.Fatal(err)
		}
	}
}

// listed lists the records of a log type.
func listed(t *testing.T, dir, of string, want int) []quarantine.Record {
	t.Helper()
	r := in(t, &app{}, "quarantine", "list", "--data", dir, "--type", of, "--format", "json")
	var found api.Quarantined
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || len(found.Records) != want {
		t.Fatalf("%v: %+v", err, r)
	}
	return found.Records
}
