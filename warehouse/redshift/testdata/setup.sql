CREATE SCHEMA IF NOT EXISTS "_ikada";
CREATE SCHEMA IF NOT EXISTS "public";
CREATE TABLE "_ikada"."ikada_journal" ("log_type" VARCHAR(4096) NOT NULL, "kind" VARCHAR(64) NOT NULL, "key" VARCHAR(1000) NOT NULL, "at" TIMESTAMPTZ NOT NULL, "detail" VARCHAR(65535) NOT NULL) COMPOUND SORTKEY ("log_type", "at");
CREATE TABLE "_ikada"."ikada_ledger_0" ("manifest" VARCHAR(1000) NOT NULL, "log_type" VARCHAR(4096) NOT NULL, "class" VARCHAR(16) NOT NULL, "plan" BIGINT NOT NULL, "row_count" BIGINT NOT NULL, "raw_bytes" BIGINT NOT NULL, "files" BIGINT NOT NULL, "rest" BIGINT NOT NULL, "direct" BOOLEAN NOT NULL, "loaded" TIMESTAMPTZ NOT NULL, "seconds" DOUBLE PRECISION NOT NULL, "quarantined" BIGINT NOT NULL) COMPOUND SORTKEY ("log_type", "plan");
CREATE TABLE "_ikada"."ikada_catalog_0" ("log_type" VARCHAR(4096) NOT NULL, "place" INTEGER NOT NULL, "field" VARCHAR(65535) NOT NULL, "name" VARCHAR(128) NOT NULL, "type" VARCHAR(16) NOT NULL, "added" TIMESTAMPTZ NOT NULL) COMPOUND SORTKEY ("log_type", "place");
CREATE TABLE "_ikada"."ikada_ledger_1" ("manifest" VARCHAR(1000) NOT NULL, "log_type" VARCHAR(4096) NOT NULL, "class" VARCHAR(16) NOT NULL, "plan" BIGINT NOT NULL, "row_count" BIGINT NOT NULL, "raw_bytes" BIGINT NOT NULL, "files" BIGINT NOT NULL, "rest" BIGINT NOT NULL, "direct" BOOLEAN NOT NULL, "loaded" TIMESTAMPTZ NOT NULL, "seconds" DOUBLE PRECISION NOT NULL, "quarantined" BIGINT NOT NULL) COMPOUND SORTKEY ("log_type", "plan");
CREATE TABLE "_ikada"."ikada_catalog_1" ("log_type" VARCHAR(4096) NOT NULL, "place" INTEGER NOT NULL, "field" VARCHAR(65535) NOT NULL, "name" VARCHAR(128) NOT NULL, "type" VARCHAR(16) NOT NULL, "added" TIMESTAMPTZ NOT NULL) COMPOUND SORTKEY ("log_type", "place");
CREATE VIEW "_ikada"."ikada_ledger" AS SELECT * FROM "_ikada"."ikada_ledger_0" UNION ALL SELECT * FROM "_ikada"."ikada_ledger_1";
CREATE VIEW "_ikada"."ikada_catalog" AS SELECT * FROM "_ikada"."ikada_catalog_0" UNION ALL SELECT * FROM "_ikada"."ikada_catalog_1";

