package kinesisrecord

import "bytes"

// object is where a JSON object ends, and the raw values of two of its fields.
type object struct {
	end           int
	logType, time []byte
}

// scanObject finds the end of the object that data begins with. It looks at
// strings and brackets only: whether all between them is JSON, the record stage
// says, event by event.
func scanObject(data []byte, typeKey, timeKey string) (o object, ok bool) {
	if data[0] != '{' {
		return o, false
	}
	depth := 0
	var key []byte // of the field at hand, at the top level
	start := -1    // of its value
	field := func(end int) {
		if start < 0 {
			return
		}
		value := trimRight(data[start:end])
		switch string(key) {
		case typeKey:
			o.logType = value
		case timeKey:
			o.time = value
		}
		key, start = nil, -1
	}
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			end := stringEnd(data, i)
			if end < 0 {
				return o, false
			}
			if depth == 1 && start < 0 {
				key = data[i+1 : end-1]
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				field(i)
				o.end = i + 1
				return o, data[i] == '}'
			}
		case ',':
			if depth == 1 {
				field(i)
			}
		case ':':
			if depth == 1 && start < 0 {
				for start = i + 1; start < len(data) && isSpace(data[start]); {
					start++
				}
			}
		}
	}
	return o, false
}

// stringEnd returns the index behind the string that begins at i, or -1.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data); i++ {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return -1
		}
		escape := bytes.IndexByte(data[i:i+n], '\\')
		if escape < 0 {
			return i + n + 1
		}
		i += escape + 1 // at what is escaped
	}
	return -1
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
