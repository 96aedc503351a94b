package warehouse

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada"
)

// KindOf returns the lexical kind of one JSON value without space around it,
// which must be valid. It goes by the rules that buffer observes a field's
// kinds by, so a load that looks at every value decides as the index does.
func KindOf(value []byte) ikada.Kinds {
	if len(value) == 0 {
		return 0
	}
	switch value[0] {
	case 'n':
		return ikada.KindNull
	case 't', 'f':
		return ikada.KindBool
	case '{':
		return ikada.KindObject
	case '[':
		return ikada.KindArray
	case '"':
		return textKind(value)
	}
	return ikada.NumberKind(value)
}

func textKind(quoted []byte) ikada.Kinds {
	const longest = len("2026-11-23T05:06:07.123456+09:00") * len(`\u0000`) // a timestamp all in escapes
	text := quoted[1 : len(quoted)-1]
	if len(text) <= longest && bytes.IndexByte(text, '\\') >= 0 {
		plain, err := jsontext.AppendUnquote(nil, quoted)
		if err != nil {
			return ikada.KindText
		}
		text = plain
	}
	return ikada.TextKind(text)
}
