-- pgbench: the statement of sql/versions/create.sql with what create.lua sends. n counts per client.
-- A number's precedence is the count of its digits and the digits; ff ends that of a release.
\set n :n + 1
\set major :run * 100 + :client_id
\set minor 1000 + :n / 1000
\set patch 1000 + :n % 1000
\set model random(0, 63)
SELECT r.outcome, r.fault, (r.document).id, (r.document).project, (r.document).model, (r.document).model_id,
       (r.document).version, (r.document).ordinal, (r.document).state, (r.document).params,
       (r.document).tags, (r.document).description, (r.document).reason, (r.document).created_at,
       (r.document).created_by, (r.document).published_at, (r.document).published_by, (r.document).key_id,
       (r.document).files, (r.document).bytes, (r.document).row_version
  FROM version_create_1(gen_random_uuid(), 'default', 'bench-' || :model, :major || '.' || :minor || '.' || :patch,
	'\x05'::bytea || (:major)::text::bytea || '\x04' || (:minor)::text::bytea || '\x04' || (:patch)::text::bytea || '\xff',
	false, NULL, '{"epochs":100,"optimizer":"adamw"}', '{"framework":"onnx"}', '', NULL, NULL, 'admin', 'bench') r;
