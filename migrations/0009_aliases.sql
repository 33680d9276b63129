-- Aliases: names of a model that are moved from version to version.

CREATE TABLE alias (
	model_id uuid NOT NULL REFERENCES model,
	version_id uuid NOT NULL REFERENCES version,
	row_version int8 NOT NULL DEFAULT 1,
	moved_at timestamptz NOT NULL DEFAULT now(),
	name text COLLATE "C" NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,128}$'),
	moved_by text COLLATE "C" NOT NULL,
	PRIMARY KEY (model_id, name)
);
CREATE INDEX alias_of_version ON alias (version_id);
COMMENT ON TABLE alias IS 'A movable name for a version; never for a draft.';
COMMENT ON COLUMN alias.model_id IS 'model.id';
COMMENT ON COLUMN alias.version_id IS 'version.id it stands for now.';
COMMENT ON COLUMN alias.row_version IS 'Grows with every move: the ETag. It goes on where a removed alias of that name stopped.';
COMMENT ON COLUMN alias.moved_at IS 'When it got there.';
COMMENT ON COLUMN alias.name IS 'Such as champion.';
COMMENT ON COLUMN alias.moved_by IS 'The principal that moved it there.';

CREATE TABLE alias_move (
	id int8 GENERATED ALWAYS AS IDENTITY,
	model_id uuid NOT NULL REFERENCES model,
	from_id uuid REFERENCES version,
	to_id uuid REFERENCES version,
	row_version int8 NOT NULL,
	moved_at timestamptz NOT NULL,
	name text COLLATE "C" NOT NULL,
	moved_by text COLLATE "C" NOT NULL,
	PRIMARY KEY (model_id, name, id)
);
COMMENT ON TABLE alias_move IS 'Where an alias has been.';
COMMENT ON COLUMN alias_move.id IS 'Grows with every move of an alias.';
COMMENT ON COLUMN alias_move.model_id IS 'model.id';
COMMENT ON COLUMN alias_move.from_id IS 'version.id it left; NULL when it was new.';
COMMENT ON COLUMN alias_move.to_id IS 'version.id it went to; NULL when it was removed.';
COMMENT ON COLUMN alias_move.row_version IS 'alias.row_version from then on.';
COMMENT ON COLUMN alias_move.moved_at IS 'When.';
COMMENT ON COLUMN alias_move.name IS 'alias.name';
COMMENT ON COLUMN alias_move.moved_by IS 'The principal that did it.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alias_move
	FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE VIEW alias_document_1 AS
SELECT m.project, m.name AS model, a.model_id, a.name AS alias, a.version_id, v.semver AS version, v.ordinal, v.state,
       a.moved_at, a.moved_by, a.row_version
  FROM alias a JOIN model m ON m.id = a.model_id JOIN version v ON v.id = a.version_id;
COMMENT ON VIEW alias_document_1 IS 'An alias as the API shows it.';

CREATE FUNCTION alias_moved_1(p_model uuid, p_alias text, p_from uuid, p_to uuid, p_row_version int8, p_actor text,
	p_request text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO alias_move (model_id, name, from_id, to_id, row_version, moved_at, moved_by)
	VALUES (p_model, p_alias, p_from, p_to, p_row_version, now(), p_actor);
	PERFORM event_write_1(CASE WHEN p_to IS NULL THEN 'alias.deleted' WHEN p_from IS NULL THEN 'alias.created'
			ELSE 'alias.moved' END,
		p_actor, p_request, m.project, m.id, m.project || '/' || m.name || '@@' || p_alias, now(),
		(SELECT ('{"version":' || to_json(v.semver) || ',"version_id":"' || v.id || '"}')::json
		   FROM version v WHERE v.id = p_from),
		(SELECT ('{"version":' || to_json(v.semver) || ',"version_id":"' || v.id || '"}')::json
		   FROM version v WHERE v.id = p_to))
	   FROM model m WHERE m.id = p_model;
END $$;
COMMENT ON FUNCTION alias_moved_1(uuid, text, uuid, uuid, int8, text, text) IS 'Records a move of an alias in its history and as an event.';

CREATE FUNCTION alias_put_1(p_project text, p_model text, p_alias text, p_kind text, p_keys bytea[], p_word text,
	p_if_match int8[], p_if_none_match bool, p_actor text, p_request text,
	OUT outcome text, OUT document alias_document_1) LANGUAGE plpgsql AS $$
DECLARE
	target record;
	target_state text;
	old_version uuid;
	old_row_version int8;
BEGIN
	SELECT f.outcome, f.model_id, f.version_id INTO target
	  FROM version_find_1(p_project, p_model, p_kind, p_keys, p_word) f;
	SELECT v.state INTO target_state FROM version v WHERE v.id = target.version_id;
	outcome := CASE
		WHEN target.version_id IS NULL THEN target.outcome
		WHEN target_state = 'draft' THEN 'not_published'
		WHEN target_state IN ('yanked', 'discarded') THEN target_state END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	IF p_if_match IS NULL THEN
		INSERT INTO alias AS a (model_id, name, version_id, moved_by, row_version)
		VALUES (target.model_id, p_alias, target.version_id, p_actor,
			1 + coalesce((SELECT max(h.row_version) FROM alias_move h
				       WHERE h.model_id = target.model_id AND h.name = p_alias), 0))
		ON CONFLICT (model_id, name) DO NOTHING;
		outcome := CASE WHEN FOUND THEN 'created' END;
	END IF;
	IF outcome IS NULL THEN
		PERFORM 1 FROM alias a WHERE a.model_id = target.model_id AND a.name = p_alias FOR NO KEY UPDATE;
		SELECT a.version_id, a.row_version INTO old_version, old_row_version
		  FROM alias a WHERE a.model_id = target.model_id AND a.name = p_alias;
		outcome := CASE
			WHEN old_version IS NULL THEN 'stale'
			WHEN p_if_none_match THEN 'exists'
			WHEN old_version = target.version_id THEN 'unchanged'
			ELSE coalesce(precondition_1(old_row_version, p_if_match), 'updated') END;
	END IF;
	IF outcome = 'updated' THEN
		UPDATE alias a
		   SET version_id = target.version_id, moved_at = now(), moved_by = p_actor, row_version = a.row_version + 1
		 WHERE a.model_id = target.model_id AND a.name = p_alias;
	END IF;
	document := (SELECT d FROM alias_document_1 d WHERE d.model_id = target.model_id AND d.alias = p_alias);
	IF outcome IN ('created', 'updated') THEN
		PERFORM alias_moved_1(target.model_id, p_alias, old_version,
			target.version_id, document.row_version, p_actor, p_request);
	END IF;
END $$;
COMMENT ON FUNCTION alias_put_1(text, text, text, text, bytea[], text, int8[], bool, text, text) IS
	'Makes or moves an alias: created, updated, unchanged, no_project, no_model, moved (the model), no_version, not_published, yanked, discarded, exists, precondition_required, stale.';

CREATE FUNCTION alias_delete_1(p_project text, p_model text, p_alias text, p_if_match int8[], p_actor text,
	p_request text, OUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	owner uuid := (SELECT m.id FROM model m WHERE m.project = p_project AND m.name = p_model AND m.deleted_at IS NULL);
	old record;
BEGIN
	IF owner IS NULL THEN
		outcome := model_missing_1(p_project, p_model);
		RETURN;
	END IF;
	SELECT a.version_id, a.row_version INTO old FROM alias a WHERE a.model_id = owner AND a.name = p_alias FOR UPDATE;
	outcome := CASE WHEN NOT FOUND THEN 'no_alias' ELSE precondition_1(old.row_version, p_if_match) END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	DELETE FROM alias a WHERE a.model_id = owner AND a.name = p_alias;
	outcome := 'deleted';
	PERFORM alias_moved_1(owner, p_alias, old.version_id, NULL, old.row_version + 1, p_actor, p_request);
END $$;
COMMENT ON FUNCTION alias_delete_1(text, text, text, int8[], text, text) IS
	'Removes an alias: deleted, no_project, no_model, moved (the model), no_alias, precondition_required, stale.';
