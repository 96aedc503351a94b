LOCK "_ikada"."ikada_catalog_0";
-- 0 = SELECT count(*) FROM "_ikada"."ikada_catalog_0" WHERE "log_type" = 'app.access'
-- or: SELECT CAST(CASE WHEN count(*) = 0 THEN '1' ELSE 'ikada guard: catalog' END AS INTEGER) FROM "_ikada"."ikada_catalog_0" WHERE "log_type" = 'app.access';
CREATE TABLE "public"."app_access" ("_id" VARCHAR(128) ENCODE ZSTD, "_time" TIMESTAMPTZ, "_hour" TIMESTAMPTZ, "_dup" SUPER, "_rest" SUPER, "ok" BOOLEAN, "userid" BIGINT, "select_" DOUBLE PRECISION, "s" VARCHAR(256) ENCODE ZSTD, "timestamp_0abc" TIMESTAMPTZ, "j" SUPER) SORTKEY ("_time");
INSERT INTO "_ikada"."ikada_catalog_0" VALUES ('app.access', -1, '', 'app_access', 'table', NOW), ('app.access', 0, 'ok', 'ok', 'bool', NOW), ('app.access', 1, 'userId', 'userid', 'bigint', NOW), ('app.access', 2, 'select', 'select_', 'double', NOW), ('app.access', 3, 's', 's', 'text', NOW), ('app.access', 4, '@timestamp', 'timestamp_0abc', 'timestamp', NOW), ('app.access', 5, 'j', 'j', 'json', NOW);

LOCK "_ikada"."ikada_catalog_0";
-- 7 = SELECT count(*) FROM "_ikada"."ikada_catalog_0" WHERE "log_type" = 'app.access'
-- or: SELECT CAST(CASE WHEN count(*) = 7 THEN '1' ELSE 'ikada guard: catalog' END AS INTEGER) FROM "_ikada"."ikada_catalog_0" WHERE "log_type" = 'app.access';
ALTER TABLE "public"."app_access" ADD COLUMN "it" VARCHAR(64) ENCODE ZSTD;
INSERT INTO "_ikada"."ikada_catalog_0" VALUES ('app.access', 6, ('it''s a' || chr(92) || 'b'), 'it', 'text', NOW);

