package record

import "time"

// clock formats times, keeping the date of the last one.
type clock struct {
	day  int64
	date [11]byte // "2026-11-23T"
}

// append appends a time as RFC 3339 text in UTC, without trailing zeros in its
// fraction.
func (c *clock) append(dst []byte, ns int64) []byte {
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	day, rest := sec/86400, sec%86400
	if rest < 0 {
		day, rest = day-1, rest+86400
	}
	if day != c.day || c.date[0] == 0 {
		c.day = day
		copy(c.date[:], time.Unix(day*86400, 0).UTC().AppendFormat(nil, "2006-01-02T"))
	}
	dst = append(dst, c.date[:]...)
	h, m, s := rest/3600, rest/60%60, rest%60
	dst = append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if frac != 0 {
		dst = appendFraction(append(dst, '.'), uint32(frac))
	}
	return append(dst, 'Z')
}
