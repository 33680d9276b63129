-- What changes versions. Every function says its outcome first; rejections are outcomes.

CREATE FUNCTION version_create_1(p_id uuid, p_project text, p_model text, p_semver text, p_precedence bytea,
	p_prerelease bool, p_bump text, p_params json, p_tags jsonb, p_description text, p_metrics json, p_lineage json,
	p_actor text, p_request text, OUT outcome text, OUT fault int4, OUT document version_document_1)
LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz;
	owner uuid;
	number int8;
	parents uuid[];
	lineage text;
	subject text;
BEGIN
	IF p_lineage IS NOT NULL THEN
		SELECT p.outcome, p.fault, p.parents, p.described INTO outcome, fault, parents, lineage
		  FROM lineage_parents_1(p_lineage) p;
		IF outcome IS NOT NULL THEN
			RETURN;
		END IF;
	END IF;
	-- This lock puts the creations of one model in line. A model that was deleted has no counter.
	UPDATE version_counter c SET last = c.last + 1
	 WHERE c.model_id = (SELECT m.id FROM model m WHERE m.project = p_project AND m.name = p_model AND m.deleted_at IS NULL)
	RETURNING c.model_id, c.last INTO owner, number;
	IF owner IS NULL THEN
		outcome := model_missing_1(p_project, p_model);
		RETURN;
	END IF;
	IF p_bump IS NOT NULL THEN
		p_semver := semver_bump_1((SELECT v.semver FROM version v
			WHERE v.model_id = owner AND v.state <> 'discarded'
			ORDER BY v.precedence DESC LIMIT 1), p_bump);
		p_precedence := CASE WHEN octet_length(p_semver) <= 255 THEN core_precedence_1(p_semver) END;
		p_prerelease := false;
	END IF;
	IF p_precedence IS NOT NULL THEN
		at := clock_timestamp(); -- after the wait, so that times grow with ordinals
		subject := version_name_1(p_project, p_model, p_semver);
		-- One statement for the three rows, because this is where a registry's writers spend
		-- their time; else event_write_1() would do.
		WITH made AS (
			INSERT INTO version (id, model_id, ordinal, created_at, state_changed_at, prerelease, state, semver,
				precedence, tags, params, created_by, description)
			VALUES (p_id, owner, number, at, at, p_prerelease, 'draft', p_semver, p_precedence, p_tags, p_params,
				p_actor, p_description)
			ON CONFLICT (model_id, precedence) WHERE state <> 'discarded' DO NOTHING
			RETURNING 1),
		told AS (
			INSERT INTO event (at, model_id, kind, actor, project, subject, request_id, body)
			SELECT at, owner, 'version.created', p_actor, p_project, subject, p_request,
			       event_body_1('version.created', p_actor, p_project, subject, at, NULL,
				'{"id":"' || p_id || '","version":' || to_json(p_semver) || ',"ordinal":' || number
				|| ',"state":"draft","params":' || p_params || ',"tags":' || p_tags
				|| ',"description":' || to_json(p_description) || coalesce(',"metrics":' || p_metrics, '')
				|| coalesce(',"lineage":' || lineage, '') || '}')
			  FROM made
			RETURNING id)
		INSERT INTO event_queue (event_id, model_id) SELECT t.id, owner FROM told t;
	END IF;
	IF p_precedence IS NULL OR NOT FOUND THEN
		UPDATE version_counter c SET last = c.last - 1 WHERE c.model_id = owner;
		outcome := CASE WHEN p_precedence IS NULL THEN 'too_long' ELSE 'exists' END;
		RETURN;
	END IF;
	IF p_metrics IS NOT NULL THEN
		PERFORM metrics_store_1(owner, p_id, p_metrics, p_actor);
	END IF;
	IF p_lineage IS NOT NULL THEN
		PERFORM lineage_store_1(p_id, p_lineage, parents);
	END IF;
	outcome := 'created';
	document := ROW(p_id, p_project, p_model, owner, p_semver, number, 'draft', p_params, p_tags, p_description,
		NULL, at, p_actor, NULL, NULL, NULL, 0, 0, 1);
END $$;
COMMENT ON FUNCTION version_create_1(uuid, text, text, text, bytea, bool, text, json, jsonb, text, json, json, text, text) IS
	'Makes a draft, with a given semantic version and its precedence or by bump (major, minor, patch): created, exists, too_long (the bumped version), no_project, no_model, moved, no_parent, parent_not_published. fault is the place, from 0, of the parent in the lineage that failed.';

-- The version that a reference means, locked; what comes after looks at it in a new statement.
CREATE FUNCTION version_lock_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text,
	OUT outcome text, OUT document version_document_1) LANGUAGE plpgsql AS $$
DECLARE
	version_id uuid;
BEGIN
	SELECT f.outcome, f.version_id INTO outcome, version_id
	  FROM version_find_1(p_project, p_model, p_kind, p_keys, p_word) f;
	IF version_id IS NOT NULL THEN
		PERFORM 1 FROM version v WHERE v.id = version_id FOR NO KEY UPDATE;
		document := (SELECT d FROM version_document_1 d WHERE d.id = version_id);
	END IF;
END $$;
COMMENT ON FUNCTION version_lock_1(text, text, text, bytea[], text) IS
	'Finds a version and locks it: found, no_project, no_model, moved, no_version.';

-- The model shows its latest version and when something last happened to it.
CREATE FUNCTION model_touch_1(p_model uuid) RETURNS void LANGUAGE sql AS $$
	UPDATE model m SET updated_at = now(), row_version = m.row_version + 1 WHERE m.id = p_model
$$;
COMMENT ON FUNCTION model_touch_1(uuid) IS 'Lets a model''s time of change and ETag follow a change of what it shows of its versions.';

CREATE FUNCTION version_patch_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text,
	p_description text, p_params json, p_tags jsonb, p_if_match int8[], p_actor text, p_request text,
	OUT outcome text, OUT document version_document_1) LANGUAGE plpgsql AS $$
DECLARE
	locked record;
	old version_document_1;
	new_tags jsonb;
BEGIN
	SELECT l.outcome, l.document INTO locked FROM version_lock_1(p_project, p_model, p_kind, p_keys, p_word) l;
	outcome := locked.outcome;
	old := locked.document;
	document := old;
	IF old.id IS NULL THEN
		RETURN;
	END IF;
	new_tags := tags_patched_1(old.tags, p_tags);
	outcome := CASE
		WHEN old.state = 'discarded' THEN 'discarded'
		WHEN old.tags = new_tags AND old.description = coalesce(p_description, old.description)
		     AND old.params::text = coalesce(p_params, old.params)::text THEN 'unchanged'
		WHEN precondition_1(old.row_version, p_if_match) IS NOT NULL THEN precondition_1(old.row_version, p_if_match)
		WHEN old.state <> 'draft' AND old.params::text <> coalesce(p_params, old.params)::text THEN 'not_draft'
		WHEN tags_count_1(new_tags) > 100 THEN 'too_many_tags' END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	UPDATE version v
	   SET tags = new_tags, description = coalesce(p_description, v.description), params = coalesce(p_params, v.params),
	       row_version = v.row_version + 1
	 WHERE v.id = old.id;
	outcome := 'updated';
	document := (SELECT d FROM version_document_1 d WHERE d.id = old.id);
	PERFORM event_change_1('version.updated', p_actor, p_request, old.project, old.model_id,
		version_name_1(old.project, old.model, old.version), old, document);
END $$;
COMMENT ON FUNCTION version_patch_1(text, text, text, bytea[], text, text, json, jsonb, int8[], text, text) IS
	'Changes what is not NULL; tags by merge patch, params as a whole and of drafts only: updated, unchanged, no_project, no_model, moved, no_version, discarded, precondition_required, stale, not_draft, too_many_tags.';

CREATE FUNCTION version_discard_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text,
	p_if_match int8[], p_actor text, p_request text, OUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	locked record;
	old version_document_1;
BEGIN
	SELECT l.outcome, l.document INTO locked FROM version_lock_1(p_project, p_model, p_kind, p_keys, p_word) l;
	outcome := locked.outcome;
	old := locked.document;
	IF old.id IS NULL THEN
		RETURN;
	END IF;
	outcome := CASE
		WHEN old.state = 'discarded' THEN 'discarded'
		WHEN old.state <> 'draft' THEN 'not_draft'
		ELSE precondition_1(old.row_version, p_if_match) END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	DELETE FROM artifact a WHERE a.version_id = old.id;
	DELETE FROM lineage_edge e WHERE e.version_id = old.id;
	DELETE FROM metric_current c WHERE c.version_id = old.id;
	UPDATE version v
	   SET state = 'discarded', state_changed_at = clock_timestamp(), files = 0, bytes = 0, row_version = v.row_version + 1
	 WHERE v.id = old.id;
	outcome := 'deleted';
	PERFORM event_write_1('version.discarded', p_actor, p_request, old.project, old.model_id,
		version_name_1(old.project, old.model, old.version), now(), row_json_1(old), '{"state":"discarded"}');
END $$;
COMMENT ON FUNCTION version_discard_1(text, text, text, bytea[], text, int8[], text, text) IS
	'Throws a draft away; its ordinal stays taken, its semantic version is free: deleted, no_project, no_model, moved, no_version, discarded (before), not_draft, precondition_required, stale.';

CREATE FUNCTION version_manifest_1(p_version uuid) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	listed text;
BEGIN
	SELECT string_agg('{"path":' || to_json(a.path) || ',"sha256":"' || encode(b.sha256, 'hex') || '","size":' || b.size
			|| ',"media_type":' || to_json(a.media_type) || '}', ',' ORDER BY a.path)
	  INTO listed
	  FROM artifact a JOIN blob b ON b.id = a.blob_id WHERE a.version_id = p_version;
	RETURN (SELECT '{"project":' || to_json(m.project) || ',"model":' || to_json(m.name)
			|| ',"model_id":"' || m.id || '","version":' || to_json(v.semver) || ',"version_id":"' || v.id
			|| '","ordinal":' || v.ordinal || ',"params":' || v.params || ',"lineage":' || lineage_json_1(v.id)
			|| ',"files":[' || coalesce(listed, '') || ']}'
		  FROM version v JOIN model m ON m.id = v.model_id WHERE v.id = p_version);
END $$;
COMMENT ON FUNCTION version_manifest_1(uuid) IS
	'What publishing signs, as canonical JSON: {project, model, model_id, version, version_id, ordinal, params, lineage, files}; files {path, sha256, size, media_type} in the order of their paths'' bytes.';

CREATE FUNCTION version_publish_1(p_version uuid, p_digest bytea, p_envelope text, p_key_id text, p_actor text,
	p_request text, OUT outcome text, OUT document version_document_1) LANGUAGE plpgsql AS $$
DECLARE
	manifest text;
	signed bytea;
	at timestamptz;
BEGIN
	-- Lock, then look: files that are being put are waited for, and what was signed
	-- must still be all there is.
	PERFORM 1 FROM version v WHERE v.id = p_version FOR UPDATE;
	SELECT v.manifest_sha256 INTO signed FROM version v WHERE v.id = p_version;
	document := (SELECT d FROM version_document_1 d WHERE d.id = p_version);
	outcome := CASE
		WHEN document.id IS NULL THEN 'no_version'
		WHEN signed = p_digest THEN 'unchanged'
		WHEN document.state <> 'draft' THEN 'not_draft'
		WHEN document.files = 0 THEN 'empty' END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM 1 FROM signing_key k WHERE k.id = p_key_id AND k.state = 'active' FOR SHARE;
	IF NOT FOUND THEN
		outcome := 'key_inactive';
		RETURN;
	END IF;
	-- A collector that has already chosen one of these blobs sees the touch. In the order
	-- of their ids, so that two publishers do not lock each other out.
	PERFORM 1 FROM blob b WHERE b.id IN (SELECT a.blob_id FROM artifact a WHERE a.version_id = p_version)
	  ORDER BY b.id FOR NO KEY UPDATE;
	UPDATE blob b SET touched_at = now()
	 WHERE b.id IN (SELECT a.blob_id FROM artifact a WHERE a.version_id = p_version)
	   AND b.state = 'live' AND b.touched_at < now() - interval '1 hour';
	manifest := version_manifest_1(p_version);
	outcome := CASE
		WHEN sha256(convert_to(manifest, 'UTF8')) <> p_digest THEN 'changed'
		WHEN EXISTS (SELECT FROM artifact a JOIN blob b ON b.id = a.blob_id
			      WHERE a.version_id = p_version AND b.state <> 'live') THEN 'blob_not_live' END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	at := clock_timestamp();
	INSERT INTO attestation (version_id, key_id, envelope) VALUES (p_version, p_key_id, p_envelope);
	UPDATE version v
	   SET state = 'published', state_changed_at = at, published_at = at, published_by = p_actor, key_id = p_key_id,
	       manifest_sha256 = p_digest, row_version = v.row_version + 1
	 WHERE v.id = p_version;
	PERFORM model_touch_1(document.model_id);
	document := (SELECT d FROM version_document_1 d WHERE d.id = p_version);
	outcome := 'published';
	PERFORM event_write_1('version.published', p_actor, p_request, document.project, document.model_id,
		version_name_1(document.project, document.model, document.version), at, '{"state":"draft"}',
		('{"state":"published","files":' || document.files || ',"bytes":' || document.bytes || ',"key_id":"' || p_key_id
		|| '","manifest_sha256":"' || encode(p_digest, 'hex') || '"}')::json);
END $$;
COMMENT ON FUNCTION version_publish_1(uuid, bytea, text, text, text, text) IS
	'Publishes a draft whose manifest has the digest that was signed: published, unchanged (it was published just so), no_version, not_draft, empty, key_inactive, changed (read and sign again), blob_not_live.';

CREATE FUNCTION version_set_state_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text,
	p_state text, p_reason text, p_if_match int8[], p_actor text, p_request text,
	OUT outcome text, OUT document version_document_1) LANGUAGE plpgsql AS $$
DECLARE
	locked record;
	old version_document_1;
BEGIN
	SELECT l.outcome, l.document INTO locked FROM version_lock_1(p_project, p_model, p_kind, p_keys, p_word) l;
	outcome := locked.outcome;
	old := locked.document;
	document := old;
	IF old.id IS NULL THEN
		RETURN;
	END IF;
	outcome := CASE
		WHEN old.state = p_state AND old.reason = p_reason THEN 'unchanged'
		WHEN old.state IN ('draft', 'discarded') THEN 'not_published'
		WHEN old.state = 'yanked' THEN 'yanked'
		WHEN p_if_match IS NOT NULL THEN precondition_1(old.row_version, p_if_match) END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	UPDATE version v
	   SET state = p_state, reason = p_reason, row_version = v.row_version + 1,
	       state_changed_at = CASE WHEN v.state = p_state THEN v.state_changed_at ELSE clock_timestamp() END
	 WHERE v.id = old.id;
	PERFORM model_touch_1(old.model_id);
	outcome := 'updated';
	document := (SELECT d FROM version_document_1 d WHERE d.id = old.id);
	PERFORM event_change_1('version.' || p_state, p_actor, p_request, old.project, old.model_id,
		version_name_1(old.project, old.model, old.version), old, document);
END $$;
COMMENT ON FUNCTION version_set_state_1(text, text, text, bytea[], text, text, text, int8[], text, text) IS
	'Deprecates or yanks a published version, with the reason: updated, unchanged, no_project, no_model, moved, no_version, not_published, yanked (that is final), stale. If-Match is not required, and holds when given.';
