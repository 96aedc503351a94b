package record

import "encoding/binary"

// keyForm is a key as a sender encodes it. It is compared at each field of each
// record, so its first eight bytes and its last are at hand as words: for most
// keys that is all of it.
type keyForm struct {
	text string
	head uint64 // the first eight bytes, as far as there are so many
	mask uint64 // which bits of head count
	last uint64 // the last eight bytes, of a longer one
}

func newKeyForm(encoded []byte) keyForm {
	k := keyForm{text: string(encoded)}
	var head [8]byte
	n := copy(head[:], encoded)
	k.head, k.mask = binary.LittleEndian.Uint64(head[:]), uint64(1)<<(8*n)-1
	if n == 8 {
		k.last = binary.LittleEndian.Uint64(encoded[len(encoded)-8:])
	}
	return k
}

// begins reports whether b begins with the key. Nothing begins with the zero
// value.
func (k *keyForm) begins(b []byte) bool {
	n := len(k.text)
	if n == 0 || n > len(b) {
		return false
	}
	if len(b) < 8 {
		return string(b[:n]) == k.text
	}
	if binary.LittleEndian.Uint64(b)&k.mask != k.head {
		return false
	}
	return n <= 8 || binary.LittleEndian.Uint64(b[n-8:n:n]) == k.last && (n <= 16 || string(b[:n]) == k.text)
}
