-- bulk.sql - fills a migrated, empty registry with as many versions as are asked for, as the service
-- would have written them: it is the service's own triggers and functions that are left out, not
-- what they keep. Run by a superuser, in one session, after
--
--	SET bulk.versions = '1000000';  -- of all models together, drafts and discarded ones included
--	SET bulk.models = '20000';
--	SET bulk.giant = '200000';      -- of the versions, how many one model has; 0: there is no such model
--	SET bulk.lineage = '10000';     -- versions in one web of lineage; 0: there is none
--	SET bulk.seed = '1';            -- the same seed gives the same rows, ids and times included
--
-- What is in it:
--   projects ... fleet has three fifths of the models; the others are in teams of 80
--   models ..... m-000000, m-000001 … with many versions first and few last (the k-th boundary lies at
--                the square root of k); giant has bulk.giant versions, hundred has 100, both in fleet
--   versions ... in the order of their times over all models, as they would arrive; 1.0.0, 1.0.1 …
--                five patches a minor, twenty minors a major; every eighth is a prerelease
--   states ..... the youngest 3 % are drafts, 1 % is discarded, 2 % yanked, 16 % of the older half deprecated
--   tags ....... of models task (ten values, the k-th as often as 1/k), team, tier (gold: 1 %), and flagship
--                on five of fleet's; of versions framework, data, and incident on one of 1,000
--   metrics .... accuracy in [0.5, 1) and loss on 80 %, latency_ms on dataset prod on 20 %; at most
--                five models of fleet have an accuracy of 1
--   lineage .... the model web: 20 steps from web@1.0.0 to its last version, wide in the middle, and each
--                version between comes from one or two of the step before
--   the rest ... one file a published version, champion on the highest published one of every model, two
--                events a version in their order
-- Attestations are left out: no list and no look-up but their own reads them.
SET session_replication_role = replica;
SET client_min_messages = warning;
SET timezone = 'UTC';
SET maintenance_work_mem = '256MB';
SET work_mem = '256MB';
SET synchronous_commit = off;

-- Uniform in [0, 1), by number and purpose.
CREATE FUNCTION pg_temp.chance(n int8, purpose int8) RETURNS float8 LANGUAGE sql STABLE AS $$
	SELECT (hashint8extended(n, purpose * 7919 + current_setting('bulk.seed')::int8) & 1073741823) / 1073741824.0::float8
$$;
-- UUIDv7: the time in milliseconds, then what differs.
CREATE FUNCTION pg_temp.id(at timestamptz, n int8, purpose int8) RETURNS uuid LANGUAGE sql STABLE AS $$
	SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::int8), 12, '0') || '7' || substr(h.hex, 1, 3) || '8' || substr(h.hex, 4, 15))::uuid
	  FROM (SELECT md5(n || ':' || purpose || ':' || current_setting('bulk.seed')) AS hex) AS h
$$;
-- A number in a precedence; all here have less than 128 digits.
CREATE FUNCTION pg_temp.digits(n int8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT chr(length(n::text)) || n
$$;

-- Indexes are made again at the end, all at once.
CREATE TEMP TABLE bulk_index AS
SELECT c.oid::regclass::text AS name, pg_get_indexdef(c.oid) AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid IN ('version'::regclass, 'metric'::regclass, 'metric_current'::regclass, 'event'::regclass, 'event_order'::regclass,
		      'artifact'::regclass, 'model'::regclass, 'lineage_edge'::regclass, 'alias'::regclass)
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid);
DO $$
DECLARE
	one record;
BEGIN
	FOR one IN SELECT b.name FROM bulk_index b LOOP
		EXECUTE 'DROP INDEX ' || one.name;
	END LOOP;
END $$;

INSERT INTO signing_key (id, state, public, activated_at, retired_at, created_by)
VALUES ('B17CB17CB17CB17C', 'retired', sha256('bulk'), '2024-01-01', '2026-01-01', 'bulk');
INSERT INTO project (name, created_by)
SELECT 'fleet', 'bulk' UNION ALL
SELECT 'team-' || n, 'bulk' FROM generate_series(1, greatest(1, current_setting('bulk.models')::int8 * 2 / 5 / 80)) n;

-- How many versions each model has; the last boundary is their sum.
CREATE TEMP TABLE bulk_model AS
WITH asked AS (
	SELECT current_setting('bulk.models')::int8 AS models, current_setting('bulk.giant')::int8 AS giant,
	       current_setting('bulk.lineage')::int8 AS web, current_setting('bulk.versions')::int8 AS versions),
special (name, count) AS (
	SELECT 'giant', a.giant FROM asked a WHERE a.giant > 0 UNION ALL
	SELECT 'web', a.web FROM asked a WHERE a.web > 0 UNION ALL
	SELECT 'hundred', 100),
rest AS (
	SELECT a.models - (SELECT count(*) FROM special) AS models, a.versions - (SELECT sum(s.count) FROM special s)::int8 AS versions FROM asked a)
SELECT m.number, m.name, m.count, m.project, m.at, pg_temp.id(m.at, m.number, 1) AS id
  FROM (SELECT k AS number, 'm-' || lpad(k::text, 6, '0') AS name,
	       round(r.versions * sqrt((k + 1.0) / r.models))::int8 - round(r.versions * sqrt(k::float8 / r.models))::int8 AS count,
	       CASE WHEN pg_temp.chance(k, 2) < 0.6 THEN 'fleet'
		    ELSE 'team-' || 1 + k % greatest(1, current_setting('bulk.models')::int8 * 2 / 5 / 80) END AS project,
	       timestamptz '2024-01-01' + pg_temp.chance(k, 3) * interval '300 days' AS at
	  FROM rest r, generate_series(0, r.models - 1) k
	UNION ALL
	SELECT 1000000000 + row_number() OVER (ORDER BY s.name), s.name, s.count, 'fleet', timestamptz '2024-01-01' FROM special s) AS m;

INSERT INTO model (id, project, name, description, card, tags, created_by, created_at, updated_at, row_version)
SELECT b.id, b.project, b.name,
       'model ' || CASE WHEN pg_temp.chance(b.number, 4) < 0.3 THEN 'for ranking ' ELSE 'for vision ' END
		|| CASE WHEN pg_temp.chance(b.number, 5) < 0.01 THEN 'distilled ' ELSE '' END
		|| CASE WHEN b.project = 'fleet' AND r.place <= 5 THEN 'apollo ' ELSE '' END
		|| 'area' || (pg_temp.chance(b.number, 6) * 200)::int || ' run by crew' || b.number,
       '# ' || b.name, jsonb_build_object('task', 'task-' || floor(power(10, pg_temp.chance(b.number, 7)))::int, 'team', b.project)
		|| CASE WHEN pg_temp.chance(b.number, 8) < 0.01 THEN '{"tier":"gold"}' ELSE '{"tier":"standard"}' END::jsonb
		|| CASE WHEN b.project = 'fleet' AND r.place <= 5 THEN '{"flagship":"yes"}' ELSE '{}' END::jsonb,
       'pipeline-' || b.number % 20, b.at, b.at + pg_temp.chance(b.number, 9) * interval '500 days', 1 + b.count
  FROM bulk_model b
  JOIN (SELECT c.number, row_number() OVER (PARTITION BY c.project ORDER BY pg_temp.chance(c.number, 10)) AS place FROM bulk_model c) r
    ON r.number = b.number;
INSERT INTO version_counter (model_id, last) SELECT b.id, b.count FROM bulk_model b;

-- Versions, each a little after the one before of its model, in the order of their times.
CREATE TEMP TABLE bulk_version AS
SELECT b.number * 1000000 + o AS seed, pg_temp.id(v.at, b.number * 1000000 + o, 11) AS id, b.id AS model_id, b.name = 'web' AS web, o AS ordinal, v.at,
       1 + (o - 1) / 100 AS major, (o - 1) / 5 % 20 AS minor, (o - 1) % 5 AS patch, o % 8 = 0 AS prerelease, s.state,
       CASE WHEN s.state IN ('draft', 'discarded') THEN NULL ELSE v.at + interval '1 minute' END AS published_at,
       b.project || '/' || b.name AS subject, b.project, b.number
  FROM bulk_model b, generate_series(1, b.count) o,
       LATERAL (SELECT timestamptz '2025-01-01' + interval '500 days' * (o - 0.9 * pg_temp.chance(b.number * 1000000 + o, 12)) / b.count AS at) v,
       LATERAL (SELECT CASE
		WHEN b.name = 'web' THEN 'published'
		WHEN o > b.count * 0.97 THEN 'draft'
		WHEN pg_temp.chance(b.number * 1000000 + o, 13) < 0.01 THEN 'discarded'
		WHEN pg_temp.chance(b.number * 1000000 + o, 13) < 0.03 THEN 'yanked'
		WHEN o < b.count * 0.5 AND pg_temp.chance(b.number * 1000000 + o, 13) < 0.19 THEN 'deprecated'
		ELSE 'published' END AS state) s;

INSERT INTO version (id, model_id, ordinal, files, bytes, row_version, created_at, state_changed_at, published_at, prerelease, state,
	semver, precedence, tags, params, created_by, published_by, key_id, manifest_sha256, reason, description)
SELECT b.id, b.model_id, b.ordinal, p.n, p.n * 1024, CASE WHEN b.state IN ('deprecated', 'yanked') THEN 4 WHEN p.n = 1 THEN 3 ELSE 1 END,
       b.at, b.at, b.published_at, b.prerelease, b.state,
       b.major || '.' || b.minor || '.' || b.patch || CASE WHEN b.prerelease THEN '-rc.' || 1 + b.ordinal % 3 ELSE '' END,
       convert_to(pg_temp.digits(b.major) || pg_temp.digits(b.minor) || pg_temp.digits(b.patch), 'UTF8')
		|| CASE WHEN b.prerelease THEN '\x02726300'::bytea || '\x0101'::bytea || (1 + b.ordinal % 3)::text::bytea || '\x00'::bytea ELSE '\xff'::bytea END,
       jsonb_build_object('framework', 'fw-' || b.seed % 5, 'data', 'set-' || (pg_temp.chance(b.seed, 14) * 20)::int)
		|| CASE WHEN pg_temp.chance(b.seed, 15) < 0.001 THEN '{"incident":"yes"}' ELSE '{}' END::jsonb,
       ('{"epochs":' || b.ordinal % 100 || ',"optimizer":"adamw","learning_rate":0.0003,"batch_size":64}')::json,
       'pipeline-' || b.number % 20, CASE WHEN p.n = 1 THEN 'release' END, CASE WHEN p.n = 1 THEN 'B17CB17CB17CB17C' END,
       CASE WHEN p.n = 1 THEN sha256(b.seed::text::bytea) END, CASE WHEN b.state IN ('deprecated', 'yanked') THEN 'replaced' END,
       'nightly run ' || b.ordinal || CASE WHEN pg_temp.chance(b.seed, 15) < 0.001 THEN ', with an incident' ELSE '' END
  FROM bulk_version b, LATERAL (SELECT (b.published_at IS NOT NULL)::int AS n) p
 ORDER BY b.at, b.id;

INSERT INTO blob (size, touched_at, verified_at, state, sha256, blake2b, storage_key)
SELECT 1024, '2025-01-01', '2025-01-01', 'live', sha256(n::text::bytea), sha512(n::text::bytea), encode(sha256(n::text::bytea), 'hex') || '.bulk'
  FROM generate_series(1, 100) n;
INSERT INTO artifact (version_id, blob_id, created_at, path, media_type, key_id, minisig, created_by)
SELECT b.id, k.id, b.at, 'model.onnx', 'application/octet-stream', 'B17CB17CB17CB17C', rpad('untrusted comment: signature', 300, '='), 'release'
  FROM bulk_version b JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM blob) k ON k.place = b.seed % 100
 WHERE b.published_at IS NOT NULL ORDER BY b.at, b.id;

CREATE TEMP TABLE bulk_metric AS
SELECT b.id AS version_id, b.model_id, b.at, b.state, m.name, m.dataset, m.value
  FROM bulk_version b, LATERAL (
	SELECT 'accuracy' AS name, '' AS dataset, CASE WHEN t.best THEN 1 ELSE 0.5 + pg_temp.chance(b.seed, 16) / 2 END AS value
	  FROM (SELECT b.ordinal = 1 AND b.subject LIKE 'fleet/m-0000__' AND b.number % 11 = 0 AND b.number BETWEEN 11 AND 55 AS best) t
	 WHERE t.best OR pg_temp.chance(b.seed, 17) < 0.8
	UNION ALL SELECT 'loss', '', 10 * pg_temp.chance(b.seed, 18) WHERE pg_temp.chance(b.seed, 17) < 0.8
	UNION ALL SELECT 'latency_ms', 'prod', 1000 * pg_temp.chance(b.seed, 19) WHERE pg_temp.chance(b.seed, 20) < 0.2) m
 ORDER BY b.at, b.id;
INSERT INTO metric (version_id, value, step, at, created_at, name, dataset, created_by)
SELECT b.version_id, b.value, 100, b.at, b.at, b.name, b.dataset, 'pipeline' FROM bulk_metric b;
INSERT INTO metric_current (version_id, model_id, value, step, at, arrival, name, dataset, slice)
SELECT m.version_id, b.model_id, m.value, m.step, m.at, m.arrival, m.name, m.dataset, m.slice
  FROM metric m JOIN bulk_version b ON b.id = m.version_id WHERE b.state <> 'discarded' ORDER BY m.arrival;

INSERT INTO model_metric (model_id, project, name, dataset, slice, low, high)
SELECT m.id, m.project, c.name, c.dataset, c.slice, min(c.value), max(c.value)
  FROM metric_current c JOIN model m ON m.id = c.model_id GROUP BY m.id, c.name, c.dataset, c.slice;

INSERT INTO alias (model_id, version_id, name, moved_by)
SELECT DISTINCT ON (b.model_id) b.model_id, b.id, 'champion', 'release'
  FROM bulk_version b WHERE b.state = 'published' ORDER BY b.model_id, b.ordinal DESC;
INSERT INTO alias_move (model_id, to_id, row_version, moved_at, name, moved_by)
SELECT a.model_id, a.version_id, 1, a.moved_at, a.name, a.moved_by FROM alias a;

-- The web's version of ordinal o stands in step s at place i of width w. The first and the last step
-- have one version; a version comes from the one that lies above it, and every fifth from the next as well.
CREATE TEMP TABLE bulk_web AS
WITH width AS (
	SELECT s, CASE WHEN s IN (0, 20) THEN 1 WHEN s IN (1, 19) THEN 20 WHEN s IN (2, 18) THEN 200
		       ELSE (current_setting('bulk.lineage')::int8 - 442) / 15 END AS w
	  FROM generate_series(0, 20) s)
SELECT x.s, x.w, i, x.before + i + 1 AS ordinal
  FROM (SELECT s, w, sum(w) OVER (ORDER BY s) - w AS before FROM width) x, generate_series(0, x.w - 1) i
 WHERE current_setting('bulk.lineage')::int8 > 0;
INSERT INTO lineage_edge (version_id, parent_id, place, kind, relation)
SELECT child.id, parent.id, row_number() OVER (PARTITION BY child.id ORDER BY parent.ordinal), 'parent', 'merge'
  FROM bulk_web c
  JOIN bulk_web p ON p.s = c.s - 1 AND (p.i = c.i * p.w / c.w OR c.i = p.i * c.w / p.w OR c.w = p.w AND c.i % 5 = 0 AND p.i = (c.i + 1) % p.w)
  JOIN bulk_version child ON child.web AND child.ordinal = c.ordinal
  JOIN bulk_version parent ON parent.web AND parent.ordinal = p.ordinal;
INSERT INTO lineage_edge (version_id, place, kind, uri, digest)
SELECT b.id, 1, 'dataset', 's3://data/set-' || b.seed % 1000, 'sha256:' || encode(sha256((b.seed % 1000)::text::bytea), 'hex')
  FROM bulk_version b WHERE NOT b.web AND b.seed % 10 = 0;

INSERT INTO event (at, model_id, kind, actor, project, subject, request_id, body)
SELECT e.at, b.model_id, e.kind, e.actor, b.project, e.subject, 'bulk',
       event_body_1(e.kind, e.actor, b.project, e.subject, e.at, e.before,
		'{"id":"' || b.id || '","ordinal":' || b.ordinal || ',"state":"' || e.state || '"}')
  FROM bulk_version b, LATERAL (SELECT b.subject || '@' || b.major || '.' || b.minor || '.' || b.patch
				|| CASE WHEN b.prerelease THEN '-rc.' || 1 + b.ordinal % 3 ELSE '' END AS name) n,
       LATERAL (
	SELECT b.at, 'version.created' AS kind, 'pipeline-' || b.number % 20 AS actor, n.name AS subject, NULL AS before, 'draft' AS state UNION ALL
	SELECT b.published_at, 'version.published', 'release', n.name, '{"state":"draft"}', 'published' WHERE b.published_at IS NOT NULL UNION ALL
	SELECT b.at + interval '2 minutes', 'version.yanked', 'auditor', n.name, '{"state":"published"}', 'yanked' WHERE b.state = 'yanked') e
 ORDER BY e.at, b.id;
-- The events that the migration wrote are among them.
INSERT INTO event_order (position, event_id, model_id)
SELECT row_number() OVER (ORDER BY e.id), e.id, e.model_id FROM event e;

DO $$
DECLARE
	one record;
BEGIN
	FOR one IN SELECT b.definition FROM bulk_index b LOOP
		EXECUTE one.definition;
	END LOOP;
END $$;
DROP TABLE bulk_index, bulk_model, bulk_version, bulk_metric, bulk_web;
DELETE FROM event_queue;
RESET session_replication_role;
RESET work_mem;
RESET maintenance_work_mem;
RESET timezone;
RESET synchronous_commit;
