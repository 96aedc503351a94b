package ikada

import "strings"

// reservedWords are the words that cannot be a table's or a column's name
// without quotes in DuckDB, PostgreSQL or Redshift (their keyword lists), and
// the names of their system columns. One list for all, so that a table has the
// same names in every warehouse.
var reservedWords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(reservedList) {
		words[w] = true
	}
	return words
}()

const reservedList = `
aes128 aes256 all allowoverwrite analyse analyze and anti any array as asc asof asymmetric at
authorization az64 backup between binary blanksasnull both bytedict bzip2 case cast check cmax cmin
collate collation column concurrently constraint create credentials cross ctid current_catalog
current_date current_role current_schema current_time current_timestamp current_user current_user_id
default deferrable deflate defrag delta delta32k desc describe disable distinct do else emptyasnull
enable encode encrypt encryption end except explicit false fetch for foreign freeze from full
generated glob globaldict256 globaldict64k grant group gzip having identity ignore ilike in
initially inner intersect interval into is isnull join lambda lateral leading left like limit
localtime localtimestamp lun luns lzo lzop map minus mostly16 mostly32 mostly8 natural new not
notnull null nulls off offline offset oid old on only open or order outer overlaps parallel
partition percent permissions pivot pivot_longer pivot_wider placing positional primary qualify raw
readratio recover references rejectlog resort respect restore returning right rowid select semi
session_user show similar snapshot some struct summarize symmetric sysdate system table tableoid
tablesample tag tdes text255 text32k then timestamp to top trailing true truncatecolumns try_cast
union unique unnest unpack unpivot user using variadic verbose wallet when where window with without
xmax xmin
`
