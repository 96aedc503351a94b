package redshiftstandin

// macros are functions of DuckDB's that behave as Redshift's. A SUPER value is
// of DuckDB's type JSON; what else a macro may get is told apart by typeof,
// which is known when a statement is planned.
var macros = []string{
	// How a value is written on the wire.
	`CREATE MACRO rs_text(x) AS CASE WHEN typeof(x) = 'BOOLEAN' THEN left(x::VARCHAR, 1) ELSE x::VARCHAR END`,

	// A path into a SUPER value; a JSON null in it is NULL, as what is missing.
	`CREATE MACRO rs_path(x, p) AS CASE WHEN json_type(json_extract(x, p)) = 'NULL' THEN NULL ELSE json_extract(x, p) END`,

	`CREATE MACRO rs_kind(x) AS json_type(x::VARCHAR::JSON)`,

	// Casts of SUPER values are lax (cast_super_null_on_error): what is of
	// another type becomes NULL.
	`CREATE MACRO rs_scalar(x) AS CASE WHEN typeof(x) <> 'JSON' THEN x::VARCHAR
		WHEN rs_kind(x) IN ('OBJECT', 'ARRAY') THEN NULL ELSE json_extract_string(x::VARCHAR::JSON, '$') END`,
	`CREATE MACRO rs_raw(x) AS rs_scalar(x)`,
	`CREATE MACRO rs_number(x) AS CASE WHEN typeof(x) <> 'JSON' THEN CASE WHEN typeof(x) = 'BOOLEAN' THEN x::INTEGER::VARCHAR ELSE x::VARCHAR END
		WHEN rs_kind(x) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') THEN json_extract_string(x::VARCHAR::JSON, '$')
		WHEN rs_kind(x) = 'VARCHAR' THEN error('the stand-in does not imitate casts of SUPER strings to numbers')
		ELSE NULL END`,
	`CREATE MACRO rs_to_boolean(x) AS x`,
	`CREATE MACRO rs_to_super(x) AS to_json(x)`,
	`CREATE MACRO rs_cut(t, n) AS CASE WHEN t IS NULL OR strlen(t) <= n THEN t WHEN strlen(t) = length(t) THEN left(t, n)
		ELSE error('the stand-in does not imitate the cutting of text that is not ASCII') END`,

	`CREATE MACRO rs_json_parse(x) AS json(x::VARCHAR)::JSON`,
	`CREATE MACRO rs_can_json_parse(x) AS json_valid(x::VARCHAR)`,
	// The guide: NULL is serialized as 'null', and what exceeds a VARCHAR is an error.
	`CREATE MACRO rs_json_serialize(x) AS CASE WHEN strlen(x::VARCHAR) > 65535 THEN error('JSON_SERIALIZE: the result exceeds the VARCHAR limit')
		ELSE coalesce(json(x::VARCHAR)::VARCHAR, 'null') END`,
	`CREATE MACRO rs_json_size(x) AS strlen(x::VARCHAR)`,
	`CREATE MACRO rs_get_array_length(x) AS CASE WHEN rs_kind(x) = 'ARRAY' THEN json_array_length(x::VARCHAR::JSON)::BIGINT ELSE NULL END`,
	`CREATE MACRO rs_json_typeof(x) AS CASE rs_kind(x) WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' WHEN 'VARCHAR' THEN 'string'
		WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' ELSE CASE WHEN rs_kind(x) IS NULL THEN NULL ELSE 'number' END END`,

	`CREATE MACRO rs_is(x, k) AS coalesce(rs_kind(x) = k, false)`,
	`CREATE MACRO rs_is_varchar(x) AS rs_is(x, 'VARCHAR')`,
	`CREATE MACRO rs_is_boolean(x) AS rs_is(x, 'BOOLEAN')`,
	`CREATE MACRO rs_is_object(x) AS rs_is(x, 'OBJECT')`,
	`CREATE MACRO rs_is_array(x) AS rs_is(x, 'ARRAY')`,
	`CREATE MACRO rs_is_scalar(x) AS coalesce(rs_kind(x) NOT IN ('OBJECT', 'ARRAY', 'NULL'), false)`,
	// A whole number is one that is written without point and exponent: IS_BIGINT
	// is "true for numbers of scale 0 in the 64-bit range", a superset of IS_INTEGER.
	`CREATE MACRO rs_whole(x, low, high) AS CASE WHEN regexp_full_match(x::VARCHAR, '-?[0-9]{1,19}')
		THEN x::VARCHAR::HUGEINT BETWEEN low AND high ELSE false END`,
	`CREATE MACRO rs_is_smallint(x) AS coalesce(rs_whole(x, -32768, 32767), false)`,
	`CREATE MACRO rs_is_integer(x) AS coalesce(rs_whole(x, -2147483648, 2147483647), false)`,
	`CREATE MACRO rs_is_bigint(x) AS coalesce(rs_whole(x, -9223372036854775808, 9223372036854775807), false)`,
	`CREATE MACRO rs_is_decimal(x) AS coalesce(regexp_full_match(x::VARCHAR, '-?[0-9]+([.][0-9]+)?') AND length(x::VARCHAR) <= 39, false)`,
	`CREATE MACRO rs_is_float(x) AS coalesce(regexp_full_match(x::VARCHAR, '-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?')
		AND NOT rs_is_bigint(x), false)`,
}
