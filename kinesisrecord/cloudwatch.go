package kinesisrecord

import (
	"bytes"
	"encoding/json"
	"strings"
)

// subscription is what a subscription of CloudWatch Logs sends, as AWS
// documents it ("Real-time processing of log data with subscriptions").
type subscription struct {
	MessageType string `json:"messageType"`
	Owner       string `json:"owner"`
	LogGroup    string `json:"logGroup"`
	LogStream   string `json:"logStream"`
	LogEvents   []struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"` // milliseconds
		Message   string `json:"message"`
	} `json:"logEvents"`
}

// logEvent is one of its events as a record.
type logEvent struct {
	Message   string `json:"message"`
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	LogGroup  string `json:"logGroup"`
	LogStream string `json:"logStream"`
	Owner     string `json:"owner"`
}

// cloudWatch reads a subscription's message, or says that data is none. The log
// group names the log type: /aws/lambda/api is aws.lambda.api.
func (d *Decoder) cloudWatch(data []byte) bool {
	if !bytes.Contains(data, []byte(`"logEvents"`)) || !bytes.Contains(data, []byte(`"messageType"`)) {
		return false
	}
	var s subscription
	if json.Unmarshal(data, &s) != nil || s.LogGroup == "" && s.MessageType != "CONTROL_MESSAGE" {
		return false
	}
	if s.MessageType == "CONTROL_MESSAGE" { // it only says that the subscription works
		return true
	}
	logType := strings.ReplaceAll(strings.Trim(s.LogGroup, "/"), "/", ".")
	for _, e := range s.LogEvents {
		text, err := json.Marshal(logEvent{e.Message, e.ID, e.Timestamp, s.LogGroup, s.LogStream, s.Owner})
		if err != nil {
			return false // strings and a number: it cannot fail
		}
		at := e.Timestamp * 1e6
		if at < exact {
			at = 0
		}
		d.event(logType, at, text)
	}
	return true
}
