LOCK "_ikada"."ikada_ledger_0";
-- 0 = SELECT count(*) FROM "_ikada"."ikada_ledger_0" WHERE "log_type" = 'app.access' AND "manifest" IN ('a/1.manifest')
-- or: SELECT CAST(CASE WHEN count(*) = 0 THEN '1' ELSE 'ikada guard: ledger' END AS INTEGER) FROM "_ikada"."ikada_ledger_0" WHERE "log_type" = 'app.access' AND "manifest" IN ('a/1.manifest');
COPY "public"."app_access" ("_id","_time","_hour","_dup","ok","userid","select_","s","timestamp_0abc","j") FROM 's3://manifests/a/1.manifest' IAM_ROLE default FORMAT JSON 's3://scratch/redshift/jsonpaths/2280dd35069a3abf2e6fd0ee56d39d838de5cd842c8a7f40542fd7959146d383.json' GZIP MANIFEST COMPUPDATE OFF STATUPDATE OFF TIMEFORMAT 'auto';
-- 2 = SELECT pg_last_copy_count()
-- or: SELECT CAST(CASE WHEN pg_last_copy_count() = 2 THEN '1' ELSE 'ikada guard: rows' END AS INTEGER);
INSERT INTO "_ikada"."ikada_ledger_0" VALUES ('a/1.manifest', 'app.access', 'plain', 1, 2, 20, 1, 0, true, NOW, 0);

