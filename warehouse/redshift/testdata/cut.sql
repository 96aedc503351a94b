LOCK "_ikada"."ikada_ledger_0";
-- 0 = SELECT count(*) FROM "_ikada"."ikada_ledger_0" WHERE "log_type" = 'app.access' AND "manifest" IN ('a/1.manifest', 'a/2.manifest')
-- or: SELECT CAST(CASE WHEN count(*) = 0 THEN '1' ELSE 'ikada guard: ledger' END AS INTEGER) FROM "_ikada"."ikada_ledger_0" WHERE "log_type" = 'app.access' AND "manifest" IN ('a/1.manifest', 'a/2.manifest');
CREATE TEMP TABLE ikada_stage ("_id" VARCHAR(128), "_time" VARCHAR(64), "_hour" TIMESTAMPTZ, "_dup" SUPER, "ok" BOOLEAN, "userid" BIGINT, "select_" DOUBLE PRECISION, "s" VARCHAR(65), "timestamp_0abc" TIMESTAMPTZ, "j" SUPER);
COPY ikada_stage ("_id","_time","_hour","_dup","ok","userid","select_","s","timestamp_0abc","j") FROM 's3://scratch/redshift/manifests/app.access/691b8be0180cdd60d89b107d3730f2fe1d9d42b4e2b138361f8c0d7308f95463.manifest' IAM_ROLE 'arn:aws:iam::123456789012:role/load' FORMAT JSON 's3://scratch/redshift/jsonpaths/2280dd35069a3abf2e6fd0ee56d39d838de5cd842c8a7f40542fd7959146d383.json' GZIP MANIFEST COMPUPDATE OFF STATUPDATE OFF TIMEFORMAT 'auto';
-- 3 = SELECT pg_last_copy_count()
-- or: SELECT CAST(CASE WHEN pg_last_copy_count() = 3 THEN '1' ELSE 'ikada guard: rows' END AS INTEGER);
INSERT INTO "public"."app_access" ("_id","_time","_hour","_dup","ok","userid","select_","s","timestamp_0abc","j") SELECT "_id", CAST(LEFT("_time", 10) || ' ' || SUBSTRING("_time", 12, LEAST(LEN("_time") - 12, 15)) || '+00' AS TIMESTAMPTZ), "_hour", "_dup", "ok", "userid", "select_", "s", "timestamp_0abc", "j" FROM ikada_stage;
DROP TABLE ikada_stage;
INSERT INTO "_ikada"."ikada_ledger_0" VALUES ('a/1.manifest', 'app.access', 'plain', 1, 2, 20, 1, 0, true, NOW, 0), ('a/2.manifest', 'app.access', 'plain', 2, 1, 10, 1, 0, true, NOW, 0);

