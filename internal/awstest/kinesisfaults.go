package awstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// KinesisFault is what becomes of one request.
type KinesisFault struct {
	// Code, if any, is the error that the whole request is answered with, and
	// Status its HTTP status (400 if it is 0). The server never sees the request.
	Code   string
	Status int
	// Refuse holds the numbers of the records of a PutRecords request that are
	// answered with an error of RefuseCode. The server sees the others only.
	Refuse     map[int]bool
	RefuseCode string // ProvisionedThroughputExceededException if empty
	// Lose breaks the connection off after the server has done what was asked: an
	// unknown outcome.
	Lose bool
}

// StartKinesisFaults starts a proxy before a server; it returns its endpoint.
// hook decides on each request: its operation, "PutRecords", and how many records
// it has. It is called by many goroutines at once.
func StartKinesisFaults(t testing.TB, k *Kinesis, hook func(operation string, records int) KinesisFault) (endpoint string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serveFault(w, r, k.Endpoint, hook); err != nil {
			// The client meets a broken connection, and the test what came of it.
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const kinesisTarget = "X-Amz-Target"

func serveFault(w http.ResponseWriter, r *http.Request, endpoint string, hook func(string, int) KinesisFault) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_, operation, ok := strings.Cut(r.Header.Get(kinesisTarget), ".")
	if !ok {
		return fmt.Errorf("no operation in %q", r.Header.Get(kinesisTarget))
	}
	records := 0 // each has one key; their data is in base64, so that it holds none
	if operation == "PutRecords" {
		records = bytes.Count(body, []byte(`"PartitionKey":`))
	}
	fault := hook(operation, records)
	if fault.Code != "" {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(max(fault.Status, 400))
		_, err := fmt.Fprintf(w, `{"__type":%q,"message":"on purpose"}`, fault.Code)
		return err
	}
	if len(fault.Refuse) > 0 {
		return forwardSome(w, r, endpoint, body, fault)
	}
	status, answer, err := forward(r, endpoint, body)
	if err != nil {
		return err
	}
	if fault.Lose {
		return io.ErrUnexpectedEOF
	}
	w.WriteHeader(status)
	_, err = w.Write(answer)
	return err
}

func forward(r *http.Request, endpoint string, body []byte) (status int, answer []byte, err error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, endpoint+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	out.Header = r.Header.Clone()
	in, err := http.DefaultClient.Do(out)
	if err != nil {
		return 0, nil, err
	}
	defer in.Body.Close() //nolint:errcheck // it was read to its end, or that failed
	answer, err = io.ReadAll(in.Body)
	return in.StatusCode, answer, err
}

// forwardSome hands the records on that are not refused and puts the answer
// together.
func forwardSome(w http.ResponseWriter, r *http.Request, endpoint string, body []byte, fault KinesisFault) error {
	put := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &put); err != nil {
		return err
	}
	var records []json.RawMessage
	if err := json.Unmarshal(put["Records"], &records); err != nil {
		return err
	}
	code := fault.RefuseCode
	if code == "" {
		code = "ProvisionedThroughputExceededException"
	}
	var passed []json.RawMessage
	for i, record := range records {
		if !fault.Refuse[i] {
			passed = append(passed, record)
		}
	}
	answer := struct {
		FailedRecordCount int
		Records           []json.RawMessage
	}{}
	if len(passed) > 0 {
		list, err := json.Marshal(passed)
		if err != nil {
			return err
		}
		put["Records"] = list
		body, err := json.Marshal(put)
		if err != nil {
			return err
		}
		status, text, err := forward(r, endpoint, body)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("the server answered %d: %s", status, text)
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			return err
		}
	}
	stored := answer.Records
	answer.Records = nil
	for i := range records {
		if fault.Refuse[i] {
			answer.FailedRecordCount++
			answer.Records = append(answer.Records, fmt.Appendf(nil, `{"ErrorCode":%q,"ErrorMessage":"Rate exceeded for shard shardId-000000000000"}`, code))
			continue
		}
		if len(stored) == 0 {
			return fmt.Errorf("the server answered for too few of %d records", len(passed))
		}
		answer.Records, stored = append(answer.Records, stored[0]), stored[1:]
	}
	return json.NewEncoder(w).Encode(answer)
}
