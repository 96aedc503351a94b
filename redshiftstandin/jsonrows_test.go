package redshiftstandin

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

func FuzzObjects(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n {\"b\":[{}]} \n{\"a\":\n2}"))
	f.Add([]byte("\xef\xbb\xbf{\"a\":\"\xff\"}{} [1]\n{\"a\":1,\"a\":2}\n{,}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := newObjects(data)
		for n := 0; ; n++ {
			object, err := o.next()
			var bad *fieldError
			switch {
			case n > len(data):
				t.Fatal("it does not end")
			case err != nil && !errors.As(err, &bad):
				t.Fatalf("%v is not an error of a row", err)
			case err == nil && object == nil:
				if want := int64(bytes.Count(data, []byte("\n"))) + 1; o.line > want {
					t.Fatalf("line %d of %d", o.line, want)
				}
				return
			case err == nil && checkObject(object) == nil && !json.Valid(object):
				t.Fatalf("%q was taken for JSON", object)
			}
		}
	})
}
