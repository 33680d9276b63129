-- Models. Everything under a model hangs on its id, so that it can be renamed.
--
-- Which index serves which filter and sort of a list of models
-- (always WHERE m.deleted_at IS NULL, and m.project = … when one project is asked for):
--   sort by name ................ model_name (project, name)
--   sort by time of change ...... model_updated (project, updated_at, id)
--   sort by time of making ...... model_created (project, created_at, id)
--   text (prefix of words) ...... model_search: m.search @@ to_tsquery('simple', 'word:*')
--   tag ......................... model_tags: m.tags @> '{"task":"embedding"}' or m.tags ? 'task',
--                                 with AND m.tags <> '{}' since the index is partial
--   "some published version with metric op value"
--                                 EXISTS over metric_current_value (model_id, name, value, version_id)
--                                 joined with version_pkey for the state
-- Keyset pages: (name) > …, (updated_at, id) < …, (created_at, id) < ….

CREATE TABLE model (
	id uuid PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	row_version int8 NOT NULL DEFAULT 1,
	project text COLLATE "C" NOT NULL REFERENCES project,
	name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255 AND name !~ '[/:@\\]'),
	description text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(description) <= 65536),
	tags jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(tags) = 'object'),
	created_by text COLLATE "C" NOT NULL,
	card text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(card) <= 4194304),
	search tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple',
		name || ' ' || translate(name, '._-+~()[]{}#&,;=!''"', '                    ') || ' ' || description)) STORED
);
CREATE UNIQUE INDEX model_name ON model (project, name) WHERE deleted_at IS NULL;
CREATE INDEX model_updated ON model (project, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX model_created ON model (project, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX model_search ON model USING gin (search) WHERE deleted_at IS NULL;
CREATE INDEX model_tags ON model USING gin (tags) WHERE deleted_at IS NULL AND tags <> '{}';
COMMENT ON TABLE model IS 'A named line of versions.';
COMMENT ON COLUMN model.id IS 'UUIDv7, made by the service.';
COMMENT ON COLUMN model.created_at IS 'When it was made.';
COMMENT ON COLUMN model.updated_at IS 'When it, or what it shows of its versions, last changed.';
COMMENT ON COLUMN model.deleted_at IS 'When it was deleted; NULL while it is there. Its versions stay, nothing finds them.';
COMMENT ON COLUMN model.row_version IS 'Grows with every change of what the model shows, its latest version included: the ETag.';
COMMENT ON COLUMN model.project IS 'project.name';
COMMENT ON COLUMN model.name IS 'Its name today; NFC, checked by the service.';
COMMENT ON COLUMN model.description IS 'A line or two for people; searched.';
COMMENT ON COLUMN model.tags IS 'Object of strings.';
COMMENT ON COLUMN model.created_by IS 'The principal that made it.';
COMMENT ON COLUMN model.card IS 'The model card, Markdown.';
COMMENT ON COLUMN model.search IS 'Words of name and description; the name also split at punctuation.';

CREATE TRIGGER model_kept BEFORE DELETE OR TRUNCATE ON model FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE TABLE model_former_name (
	project text COLLATE "C" NOT NULL REFERENCES project,
	name text COLLATE "C" NOT NULL,
	model_id uuid NOT NULL REFERENCES model,
	renamed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (project, name)
);
COMMENT ON TABLE model_former_name IS 'Where a model that had this name is found now, until the name is taken again.';
COMMENT ON COLUMN model_former_name.project IS 'project.name';
COMMENT ON COLUMN model_former_name.name IS 'The name it had.';
COMMENT ON COLUMN model_former_name.model_id IS 'model.id';
COMMENT ON COLUMN model_former_name.renamed_at IS 'When it lost that name.';

CREATE TABLE version_counter (
	model_id uuid PRIMARY KEY REFERENCES model,
	last int8 NOT NULL DEFAULT 0
) WITH (fillfactor = 25);
COMMENT ON TABLE version_counter IS 'Gives ordinals, one row a model. Its row lock puts the creations of one model in line; without its row a model takes no versions.';
COMMENT ON COLUMN version_counter.model_id IS 'model.id';
COMMENT ON COLUMN version_counter.last IS 'The highest ordinal given.';

CREATE FUNCTION tags_patched_1(p_tags jsonb, p_patch jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_patch IS NULL THEN p_tags ELSE jsonb_strip_nulls(p_tags || p_patch) END
$$;
COMMENT ON FUNCTION tags_patched_1(jsonb, jsonb) IS 'Tags after a merge patch (RFC 7396): null removes a tag. A NULL patch changes nothing.';

CREATE FUNCTION tags_count_1(p_tags jsonb) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT count(*) FROM jsonb_object_keys(p_tags)
$$;
COMMENT ON FUNCTION tags_count_1(jsonb) IS 'How many tags there are; a model or version has at most 100.';

-- found is not among these: it says only why a model is not found.
CREATE FUNCTION model_missing_1(p_project text, p_model text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN NOT EXISTS (SELECT FROM project p WHERE p.name = p_project) THEN 'no_project'
		WHEN EXISTS (SELECT FROM model_former_name f WHERE f.project = p_project AND f.name = p_model) THEN 'moved'
		ELSE 'no_model' END
$$;
COMMENT ON FUNCTION model_missing_1(text, text) IS 'Why a model is not found: no_project, moved (it was renamed), no_model.';
