-- Lineage: where a version comes from, as edges that are asked for in both directions.
--
-- A parent must be published when it is named, so a version can only come from older
-- ones and there are no cycles.

CREATE TABLE lineage_edge (
	version_id uuid NOT NULL REFERENCES version,
	parent_id uuid REFERENCES version,
	place int4 NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('dataset', 'code', 'run', 'image', 'parent')),
	relation text COLLATE "C" CHECK (octet_length(relation) BETWEEN 1 AND 64),
	uri text COLLATE "C" CHECK (octet_length(uri) BETWEEN 1 AND 2048),
	digest text COLLATE "C" CHECK (octet_length(digest) <= 140),
	commit text COLLATE "C" CHECK (octet_length(commit) <= 128),
	node text COLLATE "C" NOT NULL GENERATED ALWAYS AS (CASE
		WHEN parent_id IS NOT NULL THEN 'version:' || parent_id::text
		ELSE kind || ':' || coalesce(uri, '') || coalesce('#' || digest, '') || coalesce('@' || commit, '') END) STORED,
	PRIMARY KEY (version_id, place),
	CONSTRAINT lineage_edge_shape CHECK (CASE kind
		WHEN 'parent' THEN parent_id IS NOT NULL AND relation IS NOT NULL AND uri IS NULL
		WHEN 'code' THEN parent_id IS NULL AND relation IS NULL AND commit IS NOT NULL
		ELSE parent_id IS NULL AND relation IS NULL AND uri IS NOT NULL END),
	CONSTRAINT lineage_edge_not_itself CHECK (parent_id <> version_id)
);
CREATE INDEX lineage_edge_node ON lineage_edge (node, version_id);
COMMENT ON TABLE lineage_edge IS 'One thing a version was made from.';
COMMENT ON COLUMN lineage_edge.version_id IS 'version.id of what was made.';
COMMENT ON COLUMN lineage_edge.parent_id IS 'version.id of the parent version; NULL for other kinds.';
COMMENT ON COLUMN lineage_edge.place IS 'Where it stood in the list that was given, from 1.';
COMMENT ON COLUMN lineage_edge.kind IS 'dataset, code, run, image or parent.';
COMMENT ON COLUMN lineage_edge.relation IS 'What was done to the parent: fine_tune, quantize, merge, adapter, distil …';
COMMENT ON COLUMN lineage_edge.uri IS 'Where the dataset, code, run or image is; NULL for parents, and for code that is named by its commit alone.';
COMMENT ON COLUMN lineage_edge.digest IS 'Its digest, algorithm:hex, when it has one.';
COMMENT ON COLUMN lineage_edge.commit IS 'The commit of the code.';
COMMENT ON COLUMN lineage_edge.node IS 'One name for the thing at the far end, to ask what was made from it: version:ID, dataset:URI#DIGEST, code:URI@COMMIT, run:URI, image:URI#DIGEST.';
CREATE TRIGGER draft_only BEFORE INSERT OR UPDATE OR DELETE ON lineage_edge FOR EACH ROW EXECUTE FUNCTION draft_only();
CREATE TRIGGER lineage_edge_kept BEFORE TRUNCATE ON lineage_edge FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE FUNCTION reference_keys_1(p_keys json) RETURNS bytea[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_agg(decode(k.hex, 'hex') ORDER BY k.place)
	  FROM json_array_elements_text(p_keys) WITH ORDINALITY AS k (hex, place)
$$;
COMMENT ON FUNCTION reference_keys_1(json) IS 'The keys of a reference that came in JSON, as hex or null.';

CREATE FUNCTION lineage_edge_json_1(p_kind text, p_relation text, p_uri text, p_digest text, p_commit text,
	p_parent uuid) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	parent text := '';
BEGIN
	IF p_parent IS NOT NULL THEN
		SELECT ',"version":' || to_json(version_name_1(m.project, m.name, v.semver)) || ',"version_id":"' || v.id
		       || '","manifest_sha256":"' || encode(v.manifest_sha256, 'hex') || '"'
		  INTO parent
		  FROM version v JOIN model m ON m.id = v.model_id WHERE v.id = p_parent;
	END IF;
	RETURN '{"kind":"' || p_kind || '"' || coalesce(',"relation":' || to_json(p_relation), '')
		|| coalesce(',"uri":' || to_json(p_uri), '') || coalesce(',"digest":' || to_json(p_digest), '')
		|| coalesce(',"commit":' || to_json(p_commit), '') || parent || '}';
END $$;
COMMENT ON FUNCTION lineage_edge_json_1(text, text, text, text, text, uuid) IS
	'One edge as canonical JSON: {kind, relation, uri, digest, commit, version, version_id, manifest_sha256}, absent members left out.';

CREATE FUNCTION lineage_parents_1(p_lineage json, OUT outcome text, OUT fault int4, OUT parents uuid[],
	OUT described text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	edge record;
	parent record;
	parent_state text;
BEGIN
	FOR edge IN
		SELECT e.item -> 'parent' AS ref, e.place::int4 FROM json_array_elements(p_lineage) WITH ORDINALITY AS e (item, place)
		 WHERE e.item ->> 'kind' = 'parent'
		 ORDER BY e.place
	LOOP
		SELECT f.outcome, f.version_id INTO parent FROM version_find_1(edge.ref ->> 'project', edge.ref ->> 'model',
			edge.ref ->> 'kind', reference_keys_1(edge.ref -> 'keys'), edge.ref ->> 'word') f;
		SELECT v.state INTO parent_state FROM version v WHERE v.id = parent.version_id;
		IF parent_state IS NULL OR parent_state NOT IN ('published', 'deprecated') THEN
			outcome := CASE WHEN parent_state IS NULL THEN 'no_parent' ELSE 'parent_not_published' END;
			fault := edge.place - 1;
			RETURN;
		END IF;
		parents[edge.place] := parent.version_id;
	END LOOP;
	SELECT '[' || coalesce(string_agg(lineage_edge_json_1(e.kind, e.relation, e.uri, e.digest, e.commit, parents[e.place]),
			',' ORDER BY e.place), '') || ']'
	  INTO described
	  FROM ROWS FROM (json_to_recordset(p_lineage)
		AS (kind text, relation text, uri text, digest text, commit text)) WITH ORDINALITY
		AS e (kind, relation, uri, digest, commit, place);
END $$;
COMMENT ON FUNCTION lineage_parents_1(json) IS
	'Resolves the parents in a lineage: outcome NULL, their ids by place and the whole as JSON for the event; or no_parent, parent_not_published with the place (from 0) of the first that fails.';

CREATE FUNCTION lineage_store_1(p_version uuid, p_lineage json, p_parents uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO lineage_edge (version_id, parent_id, place, kind, relation, uri, digest, commit)
	SELECT p_version, p_parents[e.place], e.place, e.kind, e.relation, e.uri, e.digest, e.commit
	  FROM ROWS FROM (json_to_recordset(p_lineage)
		AS (kind text, relation text, uri text, digest text, commit text)) WITH ORDINALITY
		AS e (kind, relation, uri, digest, commit, place);
END $$;
COMMENT ON FUNCTION lineage_store_1(uuid, json, uuid[]) IS 'Stores a lineage whose parents are resolved.';

CREATE FUNCTION lineage_json_1(p_version uuid) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT '[' || coalesce(string_agg(lineage_edge_json_1(e.kind, e.relation, e.uri, e.digest, e.commit, e.parent_id),
			',' ORDER BY e.place), '') || ']'
	  FROM lineage_edge e WHERE e.version_id = p_version
$$;
COMMENT ON FUNCTION lineage_json_1(uuid) IS 'The lineage of a version as canonical JSON, in the order given; lineage_edge_json_1 says what is in it.';
