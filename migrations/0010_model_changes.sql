-- What changes models. Every function says its outcome first; rejections are outcomes.

CREATE FUNCTION model_for_event_1(p_model model_document_1) RETURNS model_document_1 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	-- A card may be megabytes: an event tells by its digest that it changed.
	p_model.card := 'sha256:' || encode(sha256(convert_to(p_model.card, 'UTF8')), 'hex');
	RETURN p_model;
END $$;
COMMENT ON FUNCTION model_for_event_1(model_document_1) IS 'A model with its card reduced to a digest, for events.';

CREATE FUNCTION model_change_1(p_old model_document_1, p_name text, p_description text, p_card text, p_tags jsonb,
	p_kind text, p_actor text, p_request text, OUT document model_document_1) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE model m
	   SET name = p_name, description = p_description, card = p_card, tags = p_tags, updated_at = now(),
	       row_version = m.row_version + 1
	 WHERE m.id = p_old.id;
	document := (SELECT d FROM model_document_1 d WHERE d.id = p_old.id);
	PERFORM event_change_1(p_kind, p_actor, p_request, p_old.project, p_old.id, p_old.project || '/' || p_old.name,
		model_for_event_1(p_old), model_for_event_1(document));
END $$;
COMMENT ON FUNCTION model_change_1(model_document_1, text, text, text, jsonb, text, text, text) IS
	'Gives a locked model new content and records what is different from what it was.';

CREATE FUNCTION model_put_1(p_id uuid, p_project text, p_name text, p_description text, p_card text, p_tags jsonb,
	p_if_match int8[], p_if_none_match bool, p_actor text, p_request text,
	OUT outcome text, OUT document model_document_1) LANGUAGE plpgsql AS $$
DECLARE
	old_id uuid;
BEGIN
	LOOP
		SELECT m.id INTO old_id FROM model m
		 WHERE m.project = p_project AND m.name = p_name AND m.deleted_at IS NULL FOR NO KEY UPDATE;
		EXIT WHEN FOUND;
		outcome := CASE
			WHEN NOT EXISTS (SELECT FROM project p WHERE p.name = p_project) THEN 'no_project'
			WHEN p_if_match IS NOT NULL THEN 'stale' END;
		IF outcome IS NOT NULL THEN
			RETURN;
		END IF;
		INSERT INTO model (id, project, name, description, card, tags, created_by)
		VALUES (p_id, p_project, p_name, p_description, p_card, p_tags, p_actor)
		ON CONFLICT (project, name) WHERE deleted_at IS NULL DO NOTHING;
		IF FOUND THEN
			INSERT INTO version_counter (model_id) VALUES (p_id);
			DELETE FROM model_former_name f WHERE f.project = p_project AND f.name = p_name;
			outcome := 'created';
			document := (SELECT d FROM model_document_1 d WHERE d.id = p_id);
			PERFORM event_write_1('model.created', p_actor, p_request, p_project, p_id, p_project || '/' || p_name,
				document.created_at, NULL, row_json_1(model_for_event_1(document)));
			RETURN;
		END IF;
	END LOOP;
	document := (SELECT d FROM model_document_1 d WHERE d.id = old_id);
	outcome := CASE
		WHEN p_if_none_match THEN 'exists'
		WHEN (document.description, document.card, document.tags) = (p_description, p_card, p_tags) THEN 'unchanged'
		ELSE precondition_1(document.row_version, p_if_match) END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	outcome := 'updated';
	document := model_change_1(document, p_name, p_description, p_card, p_tags, 'model.updated', p_actor, p_request);
END $$;
COMMENT ON FUNCTION model_put_1(uuid, text, text, text, text, jsonb, int8[], bool, text, text) IS
	'Makes or replaces a model: created, updated, unchanged, no_project, exists, precondition_required, stale.';

CREATE FUNCTION model_patch_1(p_project text, p_model text, p_name text, p_description text, p_card text,
	p_tags jsonb, p_if_match int8[], p_actor text, p_request text,
	OUT outcome text, OUT document model_document_1) LANGUAGE plpgsql AS $$
DECLARE
	model_id uuid;
	new_name text;
	new_description text;
	new_card text;
	new_tags jsonb;
BEGIN
	SELECT m.id INTO model_id FROM model m
	 WHERE m.project = p_project AND m.name = p_model AND m.deleted_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		outcome := model_missing_1(p_project, p_model);
		RETURN;
	END IF;
	document := (SELECT d FROM model_document_1 d WHERE d.id = model_id);
	new_name := coalesce(p_name, document.name);
	new_description := coalesce(p_description, document.description);
	new_card := coalesce(p_card, document.card);
	new_tags := tags_patched_1(document.tags, p_tags);
	outcome := CASE
		WHEN (document.name, document.description, document.card, document.tags)
		   = (new_name, new_description, new_card, new_tags) THEN 'unchanged'
		WHEN precondition_1(document.row_version, p_if_match) IS NOT NULL
			THEN precondition_1(document.row_version, p_if_match)
		WHEN tags_count_1(new_tags) > 100 THEN 'too_many_tags' END;
	IF outcome IS NULL AND new_name <> document.name THEN
		outcome := model_rename_1(model_id, p_project, document.name, new_name);
	END IF;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	outcome := 'updated';
	document := model_change_1(document, new_name, new_description, new_card, new_tags,
		CASE WHEN new_name <> p_model THEN 'model.renamed' ELSE 'model.updated' END, p_actor, p_request);
END $$;
COMMENT ON FUNCTION model_patch_1(text, text, text, text, text, jsonb, int8[], text, text) IS
	'Changes what is not NULL, the name included; tags by merge patch: updated, unchanged, no_project, no_model, moved, precondition_required, stale, too_many_tags, name_taken.';

CREATE FUNCTION model_rename_1(p_id uuid, p_project text, p_old text, p_new text, OUT outcome text)
LANGUAGE plpgsql AS $$
BEGIN
	-- Whoever makes or renames a model to this name at the same moment waits here, or we for them.
	PERFORM pg_advisory_xact_lock(hashtextextended(p_project || '/' || p_new, 1));
	UPDATE model m SET name = p_new WHERE m.id = p_id;
	DELETE FROM model_former_name f WHERE f.project = p_project AND f.name = p_new;
	INSERT INTO model_former_name (project, name, model_id) VALUES (p_project, p_old, p_id)
	ON CONFLICT (project, name) DO UPDATE SET model_id = excluded.model_id, renamed_at = now();
EXCEPTION WHEN unique_violation THEN
	outcome := 'name_taken';
END $$;
COMMENT ON FUNCTION model_rename_1(uuid, text, text, text) IS 'Renames a locked model and keeps its old name: NULL, or name_taken and nothing is changed.';

CREATE FUNCTION model_delete_1(p_project text, p_model text, p_if_match int8[], p_actor text, p_request text,
	OUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	old model_document_1;
	model_id uuid;
BEGIN
	-- The counter first, as creations do: a version that is being made is waited for.
	PERFORM 1 FROM version_counter c JOIN model m ON m.id = c.model_id
	 WHERE m.project = p_project AND m.name = p_model AND m.deleted_at IS NULL FOR UPDATE OF c;
	SELECT m.id INTO model_id FROM model m
	 WHERE m.project = p_project AND m.name = p_model AND m.deleted_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		outcome := model_missing_1(p_project, p_model);
		RETURN;
	END IF;
	old := (SELECT d FROM model_document_1 d WHERE d.id = model_id);
	outcome := precondition_1(old.row_version, p_if_match);
	IF outcome IS NULL AND EXISTS (SELECT FROM version v WHERE v.model_id = old.id
			AND v.state IN ('draft', 'published', 'deprecated')) THEN
		outcome := 'has_versions';
	END IF;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	DELETE FROM version_counter c WHERE c.model_id = old.id;
	DELETE FROM model_former_name f WHERE f.model_id = old.id;
	UPDATE model m SET deleted_at = now(), updated_at = now(), row_version = m.row_version + 1 WHERE m.id = old.id;
	outcome := 'deleted';
	PERFORM event_write_1('model.deleted', p_actor, p_request, p_project, old.id, p_project || '/' || p_model, now(),
		row_json_1(model_for_event_1(old)), NULL);
END $$;
COMMENT ON FUNCTION model_delete_1(text, text, int8[], text, text) IS
	'Deletes a model softly, when no version of it is a draft, published or deprecated: deleted, no_project, no_model, moved, precondition_required, stale, has_versions.';
