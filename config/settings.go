package config

import (
	"strings"
	"time"
)

// Setting describes one thing that an operator may set.
type Setting struct {
	Name    string // its path in ikada.yaml: "forward.listen"
	Env     string // "IKADA_FORWARD_LISTEN"
	Flag    string // "forward"
	Kind    string // "address"
	Default string // as an operator would write it
	Accepts string // what it accepts, in words
	Doc     string

	bind func(*Config) value
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
	tib = 1 << 40
)

// Settings lists every setting, in the order of the file.
func Settings() []Setting {
	settings := []Setting{
		{Name: "data", Default: "./data", Doc: "Directory of everything that Ikada keeps: stream, buckets, warehouse.",
			bind: func(c *Config) value { return requiredText{textValue{&c.Data, "a directory"}} }},

		{Name: "buckets", Doc: "Where bundles, archive files and manifests go: a place in an S3-compatible store. Credentials come from AWS's standard chain (AWS_ACCESS_KEY_ID, ~/.aws, a role). Empty: the data directory.",
			bind: func(c *Config) value { return bucketsValue{&c.Buckets} }},

		{Name: "forward.listen", Flag: "forward", Default: "127.0.0.1:24224", Doc: "Where to listen for the Forward protocol (TCP, and UDP heartbeats).",
			bind: func(c *Config) value { return addressValue{&c.Forward.Listen} }},
		{Name: "forward.shared_key", Doc: "Key that clients must know. Empty: no handshake.",
			bind: func(c *Config) value { return secretValue{&c.Forward.SharedKey} }},
		{Name: "forward.users", Doc: "Users and their passwords, for clients that authenticate by user too. Outside of the file: USER=PASSWORD,USER=PASSWORD.",
			bind: func(c *Config) value { return usersValue{&c.Forward.Users} }},
		{Name: "forward.hostname", Doc: "Name of this server in the handshake, which must not be a client's. Empty: \"ikada.\" and the machine's host name.",
			bind: func(c *Config) value { return textValue{&c.Forward.Hostname, "a host name"} }},
		{Name: "forward.tls.cert", Doc: "File with the TLS certificate (PEM). Empty: no TLS.",
			bind: func(c *Config) value { return textValue{&c.Forward.TLS.Cert, "a file"} }},
		{Name: "forward.tls.key", Doc: "File with the key of the certificate (PEM).",
			bind: func(c *Config) value { return textValue{&c.Forward.TLS.Key, "a file"} }},
		{Name: "forward.max_connections", Default: "1000", Doc: "Connections served at once; more wait to be accepted.",
			bind: func(c *Config) value {
				return countValue{p: &c.Forward.MaxConnections, min: 1, max: 100_000}
			}},

		{Name: "http.listen", Flag: "http", Default: "127.0.0.1:8080", Doc: "Where to listen for HTTP: logs, queries, status, metrics.",
			bind: func(c *Config) value { return addressValue{&c.HTTP.Listen} }},
		{Name: "http.tokens", Doc: "Bearer tokens of which a caller must present one. Empty: everyone may call. Outside of the file: separated by commas.",
			bind: func(c *Config) value { return tokensValue{&c.HTTP.Tokens} }},
		{Name: "http.tls.cert", Doc: "File with the TLS certificate (PEM). Empty: no TLS.",
			bind: func(c *Config) value { return textValue{&c.HTTP.TLS.Cert, "a file"} }},
		{Name: "http.tls.key", Doc: "File with the key of the certificate (PEM).",
			bind: func(c *Config) value { return textValue{&c.HTTP.TLS.Key, "a file"} }},
		{Name: "http.max_body", Default: "64MiB", Doc: "Greatest size of a request's body, after decompression.",
			bind: func(c *Config) value { return sizeValue{&c.HTTP.MaxBody, 1 * kib, 512 * mib} }},

		{Name: "memory.total", Default: "128MiB", Doc: "Bytes received and not yet stored, of all senders. Beyond it sockets are not read.",
			bind: func(c *Config) value { return sizeValue{&c.Memory.Total, 16 * mib, 1 * tib} }},

		{Name: "stream.shards", Default: "0", Doc: "Shards of the stream, which are written and read side by side.",
			bind: func(c *Config) value {
				return countValue{p: &c.Stream.Shards, min: 1, max: 64, zero: "the number of CPUs, at least 2 and at most 8"}
			}},
		{Name: "stream.disk_limit", Default: "10GiB", Doc: "Disk space that the stream may take. Beyond it senders wait; nothing is dropped.",
			bind: func(c *Config) value { return sizeValue{&c.Stream.DiskLimit, 64 * mib, 1024 * tib} }},

		{Name: "kinesis.stream", Doc: "Name of the Kinesis stream that `ikada collect` writes to.",
			bind: func(c *Config) value { return textValue{&c.Kinesis.Stream, "the name of a stream"} }},
		{Name: "kinesis.region", Doc: "Its region. Empty: that of AWS's standard chain.",
			bind: func(c *Config) value { return textValue{&c.Kinesis.Region, "a region"} }},
		{Name: "kinesis.endpoint", Doc: "Address of another server that speaks Kinesis. Empty: AWS's.",
			bind: func(c *Config) value { return textValue{&c.Kinesis.Endpoint, "a URL"} }},

		{Name: "buffer.bundle_size", Default: "16MiB", Doc: "Raw bytes of a shard at which a bundle is written.",
			bind: func(c *Config) value { return sizeValue{&c.Buffer.BundleSize, 64 * kib, 1 * gib} }},
		{Name: "buffer.flush", Default: "1s", Doc: "Age of a shard's oldest waiting event at which a bundle is written.",
			bind: func(c *Config) value {
				return durationValue{&c.Buffer.Flush, 10 * time.Millisecond, 10 * time.Minute}
			}},
		{Name: "buffer.window", Default: "1h", Doc: "How long a chunk that is sent again is recognised, and dropped.",
			bind: func(c *Config) value { return durationValue{&c.Buffer.Window, time.Minute, 7 * 24 * time.Hour} }},
		{Name: "buffer.window_keys", Default: "500000", Doc: "Chunks remembered at most, the newest ones.",
			bind: func(c *Config) value {
				return countValue{p: &c.Buffer.WindowKeys, min: 1000, max: 100_000_000}
			}},

		{Name: "route.interval", Default: "1s", Doc: "Time between two routing runs.",
			bind: func(c *Config) value {
				return durationValue{&c.Route.Interval, 10 * time.Millisecond, time.Hour}
			}},
		{Name: "route.file_size", Default: "128MiB", Doc: "Size at which an archive file is full, as it is stored (compressed).",
			bind: func(c *Config) value { return sizeValue{&c.Route.FileSize, 1 * mib, 2 * gib} }},

		{Name: "load.bytes", Default: "32MiB", Doc: "Raw bytes of a log type that wait at which it is loaded.",
			bind: func(c *Config) value { return sizeValue{&c.Load.Bytes, 1, 64 * gib} }},
		{Name: "load.age", Default: "1s", Doc: "Age of a log type's oldest waiting manifest at which it is loaded.",
			bind: func(c *Config) value { return durationValue{&c.Load.Age, time.Millisecond, 24 * time.Hour} }},
		{Name: "load.parallel", Default: "2", Doc: "Log types that are loaded at once.",
			bind: func(c *Config) value { return countValue{p: &c.Load.Parallel, min: 1, max: 64} }},

		{Name: "compact.interval", Default: "1h", Doc: "Time between two runs that bind small archive files of past hours into few. 0: only `ikada compact` does it.",
			bind: func(c *Config) value { return durationValue{&c.Compact.Interval, 0, 7 * 24 * time.Hour} }},
		{Name: "compact.min_age", Default: "2h", Doc: "How long ago an hour ended before its files are bound.",
			bind: func(c *Config) value {
				return durationValue{&c.Compact.MinAge, 15 * time.Minute, 366 * 24 * time.Hour}
			}},
		{Name: "compact.grace", Default: "24h", Doc: "How long an empty file stands in the place of one that was bound, for who might write it again; then it is deleted.",
			bind: func(c *Config) value { return durationValue{&c.Compact.Grace, time.Hour, 366 * 24 * time.Hour} }},
		{Name: "compact.file_size", Default: "64MiB", Doc: "Size at which a file of bound ones is full, as it is stored. It is in memory while it is made. Files of half the size stay as they are.",
			bind: func(c *Config) value { return sizeValue{&c.Compact.FileSize, 1 * mib, 2 * gib} }},

		{Name: "warehouse.kind", Default: "duckdb", Doc: "The warehouse: embedded DuckDB; Redshift, which wants buckets in S3; or none, which ends with archive files and manifests.",
			bind: func(c *Config) value {
				return choiceValue{&c.Warehouse.Kind, []string{"duckdb", "redshift", "none"}}
			}},
		{Name: "warehouse.url", Doc: "Where Redshift is: redshift://USER:PASSWORD@HOST:5439/DATABASE, or without USER:PASSWORD where warehouse.auth is another. It makes warehouse.kind redshift; `warehouse: redshift://…` alone does, too.",
			bind: func(c *Config) value { return secretValue{&c.Warehouse.URL} }},
		{Name: "warehouse.auth", Default: "password", Doc: "How to log in to Redshift: with the password of warehouse.url; by IAM to warehouse.cluster (as the user of warehouse.url, or as the one that the IAM identity stands for) or to warehouse.workgroup; or with what warehouse.secret_arn holds.",
			bind: func(c *Config) value {
				return choiceValue{&c.Warehouse.Auth, []string{"password", "iam", "secret"}}
			}},
		{Name: "warehouse.cluster", Doc: "Identifier of the provisioned cluster to log in to by IAM.",
			bind: func(c *Config) value { return textValue{&c.Warehouse.Cluster, "a cluster's identifier"} }},
		{Name: "warehouse.workgroup", Doc: "Name of the Redshift Serverless workgroup to log in to by IAM.",
			bind: func(c *Config) value { return textValue{&c.Warehouse.Workgroup, "a workgroup's name"} }},
		{Name: "warehouse.secret_arn", Doc: "ARN of the secret in AWS Secrets Manager with username and password.",
			bind: func(c *Config) value { return textValue{&c.Warehouse.SecretARN, "a secret's ARN"} }},
		{Name: "warehouse.iam_role", Doc: "The role with which Redshift's COPY reads the buckets: its ARN, or \"default\".",
			bind: func(c *Config) value { return textValue{&c.Warehouse.IAMRole, "an ARN, or default"} }},
		{Name: "warehouse.schema", Doc: "The schema of Redshift's tables. Empty: public.",
			bind: func(c *Config) value { return textValue{&c.Warehouse.Schema, "a schema"} }},
		{Name: "warehouse.rules", Default: "duckdb", Doc: "Whose limits hold in DuckDB. With redshift, what Redshift can't hold goes to _rest or to the quarantine here as well, so that it shows on a laptop first; loads look at every value then, which is slower.",
			bind: func(c *Config) value {
				return choiceValue{&c.Warehouse.Rules, []string{"duckdb", "redshift"}}
			}},
		{Name: "warehouse.memory", Default: "256MiB", Doc: "Memory that the database may take.",
			bind: func(c *Config) value { return sizeValue{&c.Warehouse.Memory, 64 * mib, 64 * tib} }},
		{Name: "warehouse.threads", Default: "0", Doc: "Threads of the database.",
			bind: func(c *Config) value {
				return countValue{p: &c.Warehouse.Threads, min: 1, max: 1024, zero: "half the number of CPUs, at least 1"}
			}},

		{Name: "audit.interval", Default: "1h", Doc: "Time between two audits that a running Ikada makes by itself. 0: it makes none.",
			bind: func(c *Config) value { return durationValue{&c.Audit.Interval, 0, 7 * 24 * time.Hour} }},
		{Name: "audit.since", Default: "3h", Doc: "How far back such an audit looks.",
			bind: func(c *Config) value { return durationValue{&c.Audit.Since, time.Minute, 366 * 24 * time.Hour} }},
		{Name: "audit.due", Default: "15m", Doc: "How long a bundle or a manifest may be on its way, beyond load.age, before an audit takes it for a gap.",
			bind: func(c *Config) value { return durationValue{&c.Audit.Due, time.Second, 7 * 24 * time.Hour} }},

		{Name: "retention.archive", Doc: "How long archive files are kept, by their hour. Empty: for ever.",
			bind: func(c *Config) value { return keepValue{&c.Retention.Archive} }},
		{Name: "retention.table", Doc: "How long rows are kept in tables, by their archive hour. Empty: for ever.",
			bind: func(c *Config) value { return keepValue{&c.Retention.Table} }},
		{Name: "retention.archive_by_type", Doc: "The same for single log types, whose archive files are kept for another time. Outside of the file: TYPE=90d,TYPE=forever.",
			bind: func(c *Config) value { return keepTable{&c.Retention.ArchiveByType} }},
		{Name: "retention.table_by_type", Doc: "The same for single log types, whose rows are kept for another time. Outside of the file: TYPE=30d,TYPE=forever.",
			bind: func(c *Config) value { return keepTable{&c.Retention.TableByType} }},

		{Name: "shutdown.timeout", Default: "30s", Doc: "Time to drain at shutdown. What is not drained is on disk and goes on at the next start.",
			bind: func(c *Config) value { return durationValue{&c.Shutdown.Timeout, 0, time.Hour} }},

		{Name: "hash.secret", Doc: "Key of the keyed hash (HMAC-SHA-256) of fields that a log type's declaration hashes: at least 16 characters, kept for as long as hashes are to be compared.",
			bind: func(c *Config) value { return keyValue{secretValue{&c.Hash.Secret}} }},

		{Name: "log.level", Default: "info", Doc: "Least severity of what Ikada logs of itself.",
			bind: func(c *Config) value { return levelValue{&c.Log.Level} }},
		{Name: "log.format", Default: "text", Doc: "Format of what Ikada logs of itself.",
			bind: func(c *Config) value { return choiceValue{&c.Log.Format, []string{"text", "json"}} }},
	}
	for i := range settings {
		settings[i].complete()
	}
	return settings
}

// complete fills in what follows from the rest.
func (s *Setting) complete() {
	v := s.bind(&Config{})
	s.Kind, s.Accepts = v.kind(), v.accepts()
	s.Env = "IKADA_" + strings.ToUpper(strings.ReplaceAll(s.Name, ".", "_"))
	if s.Flag == "" {
		s.Flag = strings.NewReplacer(".", "-", "_", "-").Replace(s.Name)
	}
}

// Value returns the setting's value in a configuration, a secret as ***.
func (s Setting) Value(c *Config) string { return s.bind(c).String() }
