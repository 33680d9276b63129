-- Versions of a model.
--
--	draft --> published --> deprecated --> yanked
--	     \            `------------------^
--	      `-> discarded
--
-- What was published never changes again; triggers hold that, whoever writes.
--
-- Which index serves which filter and sort of a list of a model's versions
-- (always WHERE v.model_id = …):
--   sort by precedence .......... version_precedence (state <> 'discarded'); with
--                                 state IN ('published', 'deprecated') and one kind of
--                                 prerelease also version_published
--   sort by ordinal or time made  version_ordinal (created_at grows with the ordinal)
--   newest published ............ version_newest (published_at IS NOT NULL)
--   deprecated, yanked .......... version_set_aside (model_id, state, ordinal)
--   draft ....................... version_ordinal, newest first: drafts are young
--   tag ......................... version_tags: v.tags @> '{"framework":"onnx"}' AND v.tags <> '{}'
--   metric op value, sort ....... metric_current_value, then version_pkey

-- model_id has no foreign key: a version is made by whoever holds the row of its model's
-- counter, which has one, and models are never removed. What would be checks is asked by
-- the triggers, when a version leaves the state it was made in. Each would cost a creation
-- as much as another index does.
CREATE TABLE version (
	id uuid PRIMARY KEY,
	model_id uuid NOT NULL,
	ordinal int8 NOT NULL,
	files int8 NOT NULL DEFAULT 0,
	bytes int8 NOT NULL DEFAULT 0,
	row_version int8 NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL,
	state_changed_at timestamptz NOT NULL,
	published_at timestamptz,
	prerelease bool NOT NULL,
	state text COLLATE "C" NOT NULL,
	semver text COLLATE "C" NOT NULL,
	precedence bytea NOT NULL,
	tags jsonb NOT NULL,
	params json NOT NULL,
	created_by text COLLATE "C" NOT NULL,
	published_by text COLLATE "C",
	key_id text COLLATE "C" REFERENCES signing_key,
	manifest_sha256 bytea,
	reason text COLLATE "C",
	description text COLLATE "C" NOT NULL
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX version_ordinal ON version (model_id, ordinal);
CREATE UNIQUE INDEX version_precedence ON version (model_id, precedence) WHERE state <> 'discarded';
CREATE INDEX version_published ON version (model_id, prerelease, precedence) WHERE state IN ('published', 'deprecated');
CREATE INDEX version_newest ON version (model_id, published_at, id) WHERE published_at IS NOT NULL;
CREATE INDEX version_set_aside ON version (model_id, state, ordinal) WHERE state IN ('deprecated', 'yanked');
CREATE INDEX version_tags ON version USING gin (tags) WHERE tags <> '{}';
COMMENT ON TABLE version IS 'One version of a model. Rows are never removed: a discarded draft leaves its ordinal behind.';
COMMENT ON COLUMN version.id IS 'UUIDv7, made by the service.';
COMMENT ON COLUMN version.model_id IS 'model.id';
COMMENT ON COLUMN version.ordinal IS '1, 2, 3 … in the model, without gaps.';
COMMENT ON COLUMN version.files IS 'How many artifacts it has.';
COMMENT ON COLUMN version.bytes IS 'Their sizes together.';
COMMENT ON COLUMN version.row_version IS 'Grows with every change of what the version shows: the ETag.';
COMMENT ON COLUMN version.created_at IS 'When it was made; grows with the ordinal.';
COMMENT ON COLUMN version.state_changed_at IS 'When it came into its state.';
COMMENT ON COLUMN version.published_at IS 'When it was published; NULL for drafts.';
COMMENT ON COLUMN version.prerelease IS 'Whether the semantic version names a prerelease.';
COMMENT ON COLUMN version.state IS 'draft, published, deprecated, yanked or discarded.';
COMMENT ON COLUMN version.semver IS 'The semantic version as it was given, build metadata included.';
COMMENT ON COLUMN version.precedence IS 'Sorts as SemVer 2.0.0 precedence does. A number is a byte with its count of digits, then the digits; the key is major, minor, patch, then ff for a release, or for each prerelease identifier 01 and a number, or 02, text and 00, and then 00.';
COMMENT ON COLUMN version.tags IS 'Object of strings; may change after publishing.';
COMMENT ON COLUMN version.params IS 'Parameters of the training run, an object, in the text they came with.';
COMMENT ON COLUMN version.created_by IS 'The principal that made it.';
COMMENT ON COLUMN version.published_by IS 'The principal that published it.';
COMMENT ON COLUMN version.key_id IS 'signing_key.id of the attestation.';
COMMENT ON COLUMN version.manifest_sha256 IS 'SHA-256 of the manifest that was signed.';
COMMENT ON COLUMN version.reason IS 'Why it was deprecated or yanked.';
COMMENT ON COLUMN version.description IS 'A line or two for people; may change after publishing.';

CREATE TABLE attestation (
	version_id uuid PRIMARY KEY REFERENCES version,
	created_at timestamptz NOT NULL DEFAULT now(),
	key_id text COLLATE "C" NOT NULL REFERENCES signing_key,
	envelope text COLLATE "C" NOT NULL
);
COMMENT ON TABLE attestation IS 'The signed statement about a published version and each of its files.';
COMMENT ON COLUMN attestation.version_id IS 'version.id';
COMMENT ON COLUMN attestation.created_at IS 'When it was stored.';
COMMENT ON COLUMN attestation.key_id IS 'signing_key.id';
COMMENT ON COLUMN attestation.envelope IS 'The DSSE envelope, byte for byte as it was signed.';

CREATE FUNCTION version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP <> 'UPDATE' THEN
		RAISE EXCEPTION 'versions are never removed' USING ERRCODE = 'restrict_violation';
	END IF;
	IF (NEW.id, NEW.model_id, NEW.ordinal, NEW.semver, NEW.precedence, NEW.prerelease, NEW.created_at, NEW.created_by)
	   <> (OLD.id, OLD.model_id, OLD.ordinal, OLD.semver, OLD.precedence, OLD.prerelease, OLD.created_at, OLD.created_by) THEN
		RAISE EXCEPTION 'what names version % never changes', OLD.id USING ERRCODE = 'restrict_violation';
	END IF;
	IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('draft', 'published'), ('draft', 'discarded'),
		('published', 'deprecated'), ('published', 'yanked'), ('deprecated', 'yanked')) THEN
		RAISE EXCEPTION 'version % cannot go from % to %', OLD.id, OLD.state, NEW.state
			USING ERRCODE = 'restrict_violation';
	END IF;
	IF OLD.state <> 'draft' AND ((NEW.files, NEW.bytes, NEW.published_at, NEW.published_by, NEW.key_id, NEW.manifest_sha256)
	   IS DISTINCT FROM (OLD.files, OLD.bytes, OLD.published_at, OLD.published_by, OLD.key_id, OLD.manifest_sha256)
	   OR NEW.params::text <> OLD.params::text) THEN
		RAISE EXCEPTION 'version % is no draft: its content never changes', OLD.id USING ERRCODE = 'restrict_violation';
	END IF;
	IF (NEW.state IN ('draft', 'discarded')) <> (NEW.manifest_sha256 IS NULL) OR NEW.state = 'published'
	   AND (NEW.files = 0 OR num_nulls(NEW.published_at, NEW.published_by, NEW.key_id) > 0
		OR NOT EXISTS (SELECT FROM attestation a WHERE a.version_id = NEW.id AND a.key_id = NEW.key_id)) THEN
		RAISE EXCEPTION 'version % needs files, a manifest and its attestation to be published, and only then', OLD.id
			USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION version_guard() IS 'Trigger of version: legal changes of state only, and no change of content after publishing.';
CREATE TRIGGER version_guard BEFORE UPDATE OR DELETE ON version FOR EACH ROW EXECUTE FUNCTION version_guard();
CREATE FUNCTION version_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'a version begins as a draft, not as %', NEW.state USING ERRCODE = 'restrict_violation';
END $$;
COMMENT ON FUNCTION version_begins() IS 'Trigger of version, for rows that are no drafts.';
CREATE TRIGGER version_begins BEFORE INSERT ON version FOR EACH ROW
	WHEN (NEW.state <> 'draft') EXECUTE FUNCTION version_begins();
CREATE TRIGGER version_kept BEFORE TRUNCATE ON version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE FUNCTION draft_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	owner uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.version_id ELSE NEW.version_id END;
	owner_state text;
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.version_id <> OLD.version_id THEN
		RAISE EXCEPTION 'rows of % stay with their version', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
	END IF;
	-- The state is read from the locked row: publishing waits for us, or we see that it happened.
	SELECT v.state INTO owner_state FROM version v WHERE v.id = owner FOR SHARE;
	IF owner_state <> 'draft' THEN
		RAISE EXCEPTION 'version % is %: rows of % change under drafts only', owner, owner_state, TG_TABLE_NAME
			USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION draft_only() IS 'Trigger of what a version is made of: it changes only while the version is a draft.';
CREATE TRIGGER draft_only BEFORE INSERT OR UPDATE OR DELETE ON attestation FOR EACH ROW EXECUTE FUNCTION draft_only();
CREATE TRIGGER attestation_kept BEFORE TRUNCATE ON attestation FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE FUNCTION version_name_1(p_project text, p_model text, p_semver text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT p_project || '/' || p_model || '@' || p_semver
$$;
COMMENT ON FUNCTION version_name_1(text, text, text) IS 'project/model@1.0.0: how a version is named from outside its model.';

CREATE VIEW version_document_1 AS
SELECT v.id, m.project, m.name AS model, v.model_id, v.semver AS version, v.ordinal, v.state, v.params, v.tags,
       v.description, v.reason, v.created_at, v.created_by, v.published_at, v.published_by, v.key_id, v.files,
       v.bytes, v.row_version
  FROM version v JOIN model m ON m.id = v.model_id;
COMMENT ON VIEW version_document_1 IS 'A version as the API shows it.';

CREATE VIEW model_document_1 AS
SELECT m.id, m.project, m.name, m.description, m.card, m.tags, m.created_at, m.created_by, m.updated_at, m.row_version,
       (SELECT v.semver FROM version v
	 WHERE v.model_id = m.id AND NOT v.prerelease AND v.state IN ('published', 'deprecated')
	 ORDER BY v.precedence DESC LIMIT 1) AS latest
  FROM model m WHERE m.deleted_at IS NULL;
COMMENT ON VIEW model_document_1 IS 'A model as the API shows it; latest is its highest published version, NULL when there is none.';

CREATE FUNCTION version_resolve_1(p_model uuid, p_kind text, p_keys bytea[], p_word text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
	-- No precedence is shorter than nothing, and none begins with ff: a number has at most 251 digits.
	below bytea := coalesce(p_keys[1], '');
	above bytea := coalesce(p_keys[2], '\xff');
BEGIN
	CASE p_kind
	WHEN 'exact' THEN
		RETURN (SELECT v.id FROM version v
			 WHERE v.model_id = p_model AND v.precedence = p_keys[1] AND v.state <> 'discarded'
			   AND (p_word IS NULL OR v.semver = p_word));
	WHEN 'ordinal' THEN
		RETURN (SELECT v.id FROM version v WHERE v.model_id = p_model AND v.ordinal = p_word::int8);
	WHEN 'alias' THEN
		RETURN (SELECT a.version_id FROM alias a WHERE a.model_id = p_model AND a.name = p_word);
	WHEN 'newest' THEN
		RETURN (SELECT v.id FROM version v WHERE v.model_id = p_model AND v.published_at IS NOT NULL
			    AND v.state IN ('published', 'deprecated')
			  ORDER BY v.published_at DESC, v.id DESC LIMIT 1);
	WHEN 'range' THEN
		IF cardinality(p_keys) <= 2 THEN
			RETURN (SELECT v.id FROM version v
				 WHERE v.model_id = p_model AND NOT v.prerelease AND v.state IN ('published', 'deprecated')
				   AND v.precedence >= below AND v.precedence < above
				 ORDER BY v.precedence DESC LIMIT 1);
		END IF;
		RETURN (SELECT found.id FROM (
			(SELECT v.id, v.precedence FROM version v
			  WHERE v.model_id = p_model AND NOT v.prerelease AND v.state IN ('published', 'deprecated')
			    AND v.precedence >= below AND v.precedence < above
			  ORDER BY v.precedence DESC LIMIT 1)
			UNION ALL
			(SELECT v.id, v.precedence FROM version v
			  WHERE v.model_id = p_model AND v.prerelease AND v.state IN ('published', 'deprecated')
			    AND v.precedence >= coalesce(p_keys[3], '') AND v.precedence < coalesce(p_keys[4], '\xff')
			  ORDER BY v.precedence DESC LIMIT 1)
			UNION ALL
			(SELECT v.id, v.precedence FROM version v
			  WHERE v.model_id = p_model AND v.prerelease AND v.state IN ('published', 'deprecated')
			    AND v.precedence >= coalesce(p_keys[5], '') AND v.precedence < coalesce(p_keys[6], '\xff')
			    AND cardinality(p_keys) > 4
			  ORDER BY v.precedence DESC LIMIT 1)) AS found
			ORDER BY found.precedence DESC LIMIT 1);
	END CASE;
END $$;
COMMENT ON FUNCTION version_resolve_1(uuid, text, bytea[], text) IS
	'The version that a reference means; NULL: none. exact: keys[1], and word when it names build metadata. range: keys are pairs lo, hi (half-open, NULL is open) of precedence, the first for releases, up to two more for prereleases. alias, ordinal: word. newest: nothing. Drafts are found by exact and ordinal, discarded versions by ordinal alone, yanked ones by exact, ordinal and alias.';

CREATE FUNCTION version_find_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text,
	OUT outcome text, OUT model_id uuid, OUT version_id uuid) LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT m.id INTO model_id FROM model m WHERE m.project = p_project AND m.name = p_model AND m.deleted_at IS NULL;
	IF model_id IS NULL THEN
		outcome := model_missing_1(p_project, p_model);
		RETURN;
	END IF;
	version_id := version_resolve_1(model_id, p_kind, p_keys, p_word);
	outcome := CASE WHEN version_id IS NULL THEN 'no_version' ELSE 'found' END;
END $$;
COMMENT ON FUNCTION version_find_1(text, text, text, bytea[], text) IS
	'project, model and reference to a version: found, no_project, no_model, moved, no_version.';

CREATE FUNCTION core_precedence_1(p_core text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT string_agg(decode(lpad(to_hex(length(n.digits)), 2, '0'), 'hex') || convert_to(n.digits, 'UTF8'), ''::bytea
			  ORDER BY n.place) || '\xff'::bytea
	  FROM string_to_table(p_core, '.') WITH ORDINALITY AS n (digits, place)
$$;
COMMENT ON FUNCTION core_precedence_1(text) IS 'Precedence of a release such as 1.4.2.';

CREATE FUNCTION semver_bump_1(p_highest text, p_part text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	core text := split_part(split_part(coalesce(p_highest, '0.0.0'), '+', 1), '-', 1);
	prerelease bool := strpos(split_part(coalesce(p_highest, ''), '+', 1), '-') > 0;
	major numeric := split_part(core, '.', 1)::numeric;
	minor numeric := split_part(core, '.', 2)::numeric;
	patch numeric := split_part(core, '.', 3)::numeric;
BEGIN
	-- A prerelease of exactly the version that is asked for is finished, not stepped over.
	RETURN CASE p_part
		WHEN 'major' THEN
			CASE WHEN prerelease AND minor = 0 AND patch = 0 THEN major ELSE major + 1 END || '.0.0'
		WHEN 'minor' THEN major || '.'
			|| CASE WHEN prerelease AND patch = 0 THEN minor ELSE minor + 1 END || '.0'
		WHEN 'patch' THEN major || '.' || minor || '.'
			|| CASE WHEN prerelease THEN patch ELSE patch + 1 END
		END;
END $$;
COMMENT ON FUNCTION semver_bump_1(text, text) IS 'The release after the highest version (NULL: there is none) by major, minor or patch, as npm version does it; numbers of any length.';
