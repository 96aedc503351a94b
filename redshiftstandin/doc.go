// Package redshiftstandin is a strict stand-in for Amazon Redshift, for tests:
// it speaks PostgreSQL's wire protocol, and the Redshift Data API over HTTP,
// and keeps its tables in an embedded DuckDB. What it does not imitate it
// refuses with 'the stand-in does not imitate …' (SQLSTATE 0A000), so that a
// test can't pass on something that Redshift would not do. Facts are from the
// AWS guide to Redshift; where the guide is silent the stricter reading is taken.
//
//	server, err := redshiftstandin.Start(redshiftstandin.Options{Objects: myS3})
//	conn, err := pgx.Connect(ctx, server.URL())
//	server.Inject(redshiftstandin.Fault{Effect: redshiftstandin.CutAfter, Match: isCommit})
//	http.Serve(listener, server.DataAPI())
//
// # Connections
//
// The parameters that are reported are Redshift's: server_version 8.0.2,
// client_encoding UNICODE, no standard_conforming_strings. So pgx refuses
// arguments in its simple protocol, unless Options.PgxArguments is set. A
// backslash in a string escapes, as in PostgreSQL 8.0 (not with PgxArguments).
// Unknown settings are refused, extra_float_digits=3 and lock_timeout among
// them. The extended protocol works, with arguments put in as literals; COPY,
// LOCK and DDL take none. Cancel requests, passwords in clear text and TLS
// work, and cursors (DECLARE, FETCH FORWARD, CLOSE) with the limits of a
// cluster of one node. Not imitated: PREPARE, IAM, users and their rights.
//
// # COPY
//
// From S3 with a MANIFEST, as JSON ('auto', 'auto ignorecase', 'noshred', a
// jsonpaths file), plain, GZIP or ZSTD; options COMPUPDATE, STATUPDATE,
// TIMEFORMAT, DATEFORMAT, MAXERROR, NOLOAD, TRUNCATECOLUMNS, ACCEPTINVCHARS,
// BLANKSASNULL, EMPTYASNULL, ROUNDEC, REGION. A gzip file must be one member
// with the right checksum. Rows that do not load are in SYS_LOAD_ERROR_DETAIL
// and STL_LOAD_ERRORS, whatever becomes of the transaction;
// pg_last_copy_count() and pg_last_copy_id() are the session's own. A JSON
// number without quotes goes through a double on its way to a DECIMAL. Of
// TIMEFORMAT 'auto' only ISO 8601 to microseconds is imitated. Assumed, since
// not documented: behind malformed JSON the load goes on with the next line;
// an offset other than UTC in a TIMESTAMP is an error; digits beyond
// microseconds are; the texts and codes of some load errors.
//
// # Transactions
//
// A snapshot is taken by the first statement that needs one, which BEGIN and
// LOCK do not. INSERT, UPDATE, DELETE and COPY admit one writer a table until
// the end of the transaction; LOCK, ALTER, DROP, TRUNCATE and CREATE shut
// readers out, too. Waits end by statement_timeout, by Options.LockTimeout, or
// as a deadlock. With Isolation Serializable a write to a table that was
// changed since the snapshot fails with error 1023 (SQLSTATE XX000), which is
// stricter than Redshift for writers that read nothing; cycles over several
// tables by reading alone are not found. With Isolation Snapshot only changes
// to the same rows fail so. An error aborts a block (25P02), and its locks are
// free at once. Several statements of one message are one transaction.
// TRUNCATE commits and ends the block. Savepoints are not imitated.
//
// # SQL
//
// CREATE TABLE (with LIKE, AS, TEMP, DISTSTYLE, DISTKEY, SORTKEY, ENCODE, keys
// that are not enforced, plain DEFAULTs), CREATE SCHEMA, ALTER TABLE (ADD
// COLUMN, ALTER COLUMN TYPE of a VARCHAR, RENAME TO), DROP TABLE, CREATE VIEW
// (a query of a view does not wait for locks of its tables), TRUNCATE,
// SELECT, INSERT, UPDATE, DELETE, SET, RESET, SHOW, LOCK; ANALYZE and VACUUM
// do nothing. Types: all but TIME, VARBYTE, GEOMETRY, HLLSKETCH, INTERVAL.
// Lengths count bytes. CHAR is not padded. Names lose their letter case unless
// enable_case_sensitive_identifier is on; columns that differ in case alone
// are refused. Functions are those listed in names.go, no others: DuckDB's own
// are refused. Of catalogs: information_schema.tables and .columns,
// svv_tables, svv_columns, svv_table_info, pg_table_def, in part.
//
// # SUPER
//
// Paths into SUPER columns (t.data.field, data."camelCase", data.list[0]), lax
// as by default; JSON_PARSE, CAN_JSON_PARSE, JSON_SERIALIZE, JSON_TYPEOF,
// JSON_SIZE, GET_ARRAY_LENGTH, IS_VARCHAR and its kin, OBJECT, ARRAY,
// OBJECT_TRANSFORM, and casts, which give NULL where the types differ. A JSON
// null inside a SUPER value is NULL. Not imitated: unnesting in FROM, paths into
// columns of subqueries, casts of SUPER strings to numbers.
//
// # Data API
//
// ExecuteStatement, BatchExecuteStatement, DescribeStatement,
// GetStatementResult (one page) and CancelStatement, with ClientToken.
// Signatures, parameters and kept sessions are not imitated.
//
// # Where things are
//
// wire.go and extended.go speak the protocol; session.go runs statements,
// transaction.go and locks.go keep them apart; lex.go and cursor.go read SQL,
// rewrite.go and names.go write it for DuckDB; copyparse.go, copy.go,
// jsonrows.go and values.go are COPY; catalog.go keeps in the comments of
// DuckDB's catalog what Redshift knows of a table.
package redshiftstandin
