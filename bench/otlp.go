package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

// checkOTLP compares the number of events in a file of the collector: messages
// of OTLP, each behind its length and a Zstandard frame of its own.
func checkOTLP(file string, count func(message []byte) (int, error), want int) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	defer z.Close()
	got := 0
	var message []byte
	for len(data) >= 4 {
		end := 4 + int(binary.BigEndian.Uint32(data))
		if end > len(data) {
			return fmt.Errorf("%s ends in a message", file)
		}
		if message, err = z.DecodeAll(data[4:end], message[:0]); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		n, err := count(message)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		got += n
		data = data[end:]
	}
	if got != want {
		return fmt.Errorf("%s has %d events, want %d", file, got, want)
	}
	return nil
}

// countJSON counts the log records of an OTLP message in JSON.
func countJSON(message []byte) (n int, err error) {
	var m struct {
		ResourceLogs []struct {
			ScopeLogs []struct {
				LogRecords []json.RawMessage `json:"logRecords"`
			} `json:"scopeLogs"`
		} `json:"resourceLogs"`
	}
	err = json.Unmarshal(message, &m)
	for _, r := range m.ResourceLogs {
		for _, s := range r.ScopeLogs {
			n += len(s.LogRecords)
		}
	}
	return n, err
}

// countProto counts those of one in Protocol Buffers: LogsData has
// ResourceLogs (1), which have ScopeLogs (2), which have LogRecords (2).
func countProto(message []byte) (int, error) { return countFields(message, 1, 2, 2) }

// countFields counts the fields that a path of numbers leads to.
func countFields(message []byte, path ...protowire.Number) (n int, err error) {
	if len(path) == 0 {
		return 1, nil
	}
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeField(message)
		if size < 0 {
			return n, protowire.ParseError(size)
		}
		if number == path[0] && kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(message)
			inner, _ := protowire.ConsumeBytes(message[tag:])
			more, err := countFields(inner, path[1:]...)
			if n += more; err != nil {
				return n, err
			}
		}
		message = message[size:]
	}
	return n, nil
}
