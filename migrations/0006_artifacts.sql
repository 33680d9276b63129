-- Artifacts, the files of a version, and blobs, the bytes they share.

CREATE TABLE blob (
	id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	size int8 NOT NULL CHECK (size >= 0),
	touched_at timestamptz NOT NULL,
	verified_at timestamptz NOT NULL,
	state text COLLATE "C" NOT NULL CHECK (state IN ('live', 'quarantined', 'deleting')),
	sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
	blake2b bytea NOT NULL CHECK (octet_length(blake2b) = 64),
	storage_key text COLLATE "C" NOT NULL
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX blob_sha256 ON blob (sha256) WHERE state IN ('live', 'quarantined');
CREATE UNIQUE INDEX blob_storage_key ON blob (storage_key);
COMMENT ON TABLE blob IS 'Bytes in the store, each digest once however many artifacts have it.';
COMMENT ON COLUMN blob.id IS 'Its key.';
COMMENT ON COLUMN blob.size IS 'In bytes.';
COMMENT ON COLUMN blob.touched_at IS 'When somebody was last promised that it is there; collection leaves young ones alone.';
COMMENT ON COLUMN blob.verified_at IS 'When its bytes were last hashed and found right.';
COMMENT ON COLUMN blob.state IS 'live; quarantined: its bytes were found wrong and are not served until somebody uploads them again; deleting: being collected.';
COMMENT ON COLUMN blob.sha256 IS 'SHA-256 of the bytes; one live or quarantined blob has it.';
COMMENT ON COLUMN blob.blake2b IS 'BLAKE2b-512 of the bytes, which is what minisign signs.';
COMMENT ON COLUMN blob.storage_key IS 'Where the store has them. A key is used once, so that a late removal never meets new bytes.';

CREATE TABLE artifact (
	version_id uuid NOT NULL REFERENCES version,
	blob_id int8 NOT NULL REFERENCES blob,
	created_at timestamptz NOT NULL DEFAULT now(),
	path text COLLATE "C" NOT NULL CHECK (octet_length(path) BETWEEN 1 AND 1024 AND path !~ '(^|/)[.]{0,2}(/|$)'),
	media_type text COLLATE "C" NOT NULL,
	key_id text COLLATE "C" NOT NULL REFERENCES signing_key,
	minisig text COLLATE "C" NOT NULL,
	created_by text COLLATE "C" NOT NULL,
	PRIMARY KEY (version_id, path)
);
CREATE INDEX artifact_of_blob ON artifact (blob_id);
COMMENT ON TABLE artifact IS 'A file of a version. The row and its signature are written together: nothing stored is unsigned.';
COMMENT ON COLUMN artifact.version_id IS 'version.id';
COMMENT ON COLUMN artifact.blob_id IS 'blob.id';
COMMENT ON COLUMN artifact.created_at IS 'When these bytes were put under this path.';
COMMENT ON COLUMN artifact.path IS 'Segments with / between them; no path is the folder of another.';
COMMENT ON COLUMN artifact.media_type IS 'What it is served as.';
COMMENT ON COLUMN artifact.key_id IS 'signing_key.id of the signature.';
COMMENT ON COLUMN artifact.minisig IS 'The minisign signature, the text of its file.';
COMMENT ON COLUMN artifact.created_by IS 'The principal that put it.';
CREATE TRIGGER draft_only BEFORE INSERT OR UPDATE OR DELETE ON artifact FOR EACH ROW EXECUTE FUNCTION draft_only();
CREATE TRIGGER artifact_kept BEFORE TRUNCATE ON artifact FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE VIEW artifact_document_1 AS
SELECT a.version_id, a.path, b.sha256, b.size, b.blake2b, a.media_type, a.minisig, a.key_id, b.storage_key,
       b.state AS blob_state, a.created_at, a.created_by
  FROM artifact a JOIN blob b ON b.id = a.blob_id;
COMMENT ON VIEW artifact_document_1 IS 'A file of a version with its bytes'' digests and place.';

CREATE FUNCTION artifact_conflict_1(p_version uuid, p_path text) RETURNS bool LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM artifact a
			WHERE a.version_id = p_version AND a.path > p_path || '/' AND a.path < p_path || '0')
	    OR EXISTS (SELECT FROM artifact a
			WHERE a.version_id = p_version AND strpos(p_path, '/') > 0
			  AND a.path = ANY (ARRAY(SELECT array_to_string((string_to_array(p_path, '/'))[:n], '/')
						    FROM generate_series(1, length(p_path) - length(replace(p_path, '/', ''))) n)))
$$;
COMMENT ON FUNCTION artifact_conflict_1(uuid, text) IS 'Whether the path would be the folder of a file that is there, or the other way round.';

CREATE FUNCTION digest_precondition_1(p_sha256 bytea, p_if_match bytea[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_if_match IS NULL THEN 'precondition_required'
		WHEN NOT p_if_match && ARRAY[p_sha256, ''::bytea] THEN 'stale' END
$$;
COMMENT ON FUNCTION digest_precondition_1(bytea, bytea[]) IS
	'If-Match against bytes that are there: NULL when it holds, else precondition_required or stale. Empty bytes stand for *.';

CREATE FUNCTION version_subject_1(p_version uuid, OUT project text, OUT model_id uuid, OUT subject text)
LANGUAGE sql STABLE AS $$
	SELECT m.project, m.id, version_name_1(m.project, m.name, v.semver)
	  FROM version v JOIN model m ON m.id = v.model_id WHERE v.id = p_version
$$;
COMMENT ON FUNCTION version_subject_1(uuid) IS 'How events name a version.';

CREATE FUNCTION artifact_put_1(p_version uuid, p_path text, p_sha256 bytea, p_size int8, p_blake2b bytea,
	p_storage_key text, p_media_type text, p_minisig text, p_key_id text, p_if_match bytea[],
	p_if_none_match bool, p_actor text, p_request text, OUT outcome text, OUT document artifact_document_1)
LANGUAGE plpgsql AS $$
DECLARE
	old artifact_document_1;
	owner record;
	named record;
	blob_now int8;
	healed bool;
BEGIN
	-- One file of a version at a time: what follows looks at the others.
	SELECT v.state, v.files INTO owner FROM version v WHERE v.id = p_version FOR NO KEY UPDATE;
	IF NOT FOUND OR owner.state <> 'draft' THEN
		outcome := CASE WHEN owner.state IS NULL THEN 'no_version' ELSE 'not_draft' END;
		RETURN;
	END IF;
	PERFORM 1 FROM signing_key k WHERE k.id = p_key_id AND k.state = 'active' FOR SHARE;
	IF NOT FOUND THEN
		outcome := 'key_inactive';
		RETURN;
	END IF;
	old := (SELECT d FROM artifact_document_1 d WHERE d.version_id = p_version AND d.path = p_path);
	document := old;
	outcome := CASE
		WHEN old.path IS NOT NULL AND p_if_none_match THEN 'exists'
		WHEN old.sha256 <> p_sha256 THEN digest_precondition_1(old.sha256, p_if_match)
		WHEN old.path IS NOT NULL THEN NULL
		WHEN p_if_match IS NOT NULL THEN 'stale'
		WHEN owner.files >= 100000 THEN 'too_many_files'
		WHEN artifact_conflict_1(p_version, p_path) THEN 'path_conflict' END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	-- The first to store these bytes wins; bytes that had gone bad are replaced by ours.
	PERFORM 1 FROM blob b WHERE b.sha256 = p_sha256 AND b.state = 'quarantined' FOR NO KEY UPDATE;
	healed := FOUND;
	INSERT INTO blob AS b (sha256, size, blake2b, storage_key, state, touched_at, verified_at)
	VALUES (p_sha256, p_size, p_blake2b, p_storage_key, 'live', now(), now())
	ON CONFLICT (sha256) WHERE state IN ('live', 'quarantined') DO UPDATE
	SET touched_at = now(), state = 'live',
	    storage_key = CASE b.state WHEN 'quarantined' THEN excluded.storage_key ELSE b.storage_key END,
	    verified_at = CASE b.state WHEN 'quarantined' THEN now() ELSE b.verified_at END
	RETURNING b.id INTO blob_now;
	IF healed THEN
		PERFORM event_write_1('blob.healed', p_actor, p_request, NULL, NULL, 'blobs/sha256:' || encode(p_sha256, 'hex'),
			now(), '{"state":"quarantined"}', '{"state":"live"}');
	END IF;
	IF old.sha256 = p_sha256 AND old.media_type = p_media_type THEN
		outcome := 'unchanged';
		document := (SELECT d FROM artifact_document_1 d WHERE d.version_id = p_version AND d.path = p_path);
		RETURN;
	END IF;
	INSERT INTO artifact AS a (version_id, blob_id, path, media_type, key_id, minisig, created_by)
	VALUES (p_version, blob_now, p_path, p_media_type, p_key_id, p_minisig, p_actor)
	ON CONFLICT (version_id, path) DO UPDATE
	SET blob_id = excluded.blob_id, media_type = excluded.media_type, key_id = excluded.key_id,
	    minisig = excluded.minisig, created_by = excluded.created_by, created_at = now();
	UPDATE version v
	   SET files = v.files + (old.path IS NULL)::int, bytes = v.bytes + p_size - coalesce(old.size, 0),
	       row_version = v.row_version + 1
	 WHERE v.id = p_version;
	document := (SELECT d FROM artifact_document_1 d WHERE d.version_id = p_version AND d.path = p_path);
	outcome := CASE WHEN old.path IS NULL THEN 'created' ELSE 'replaced' END;
	SELECT s.project, s.model_id, s.subject INTO named FROM version_subject_1(p_version) s;
	PERFORM event_write_1('artifact.' || outcome, p_actor, p_request, named.project, named.model_id,
		named.subject || ':' || p_path, now(), artifact_json_1(old), artifact_json_1(document));
END $$;
COMMENT ON FUNCTION artifact_put_1(uuid, text, bytea, int8, bytea, text, text, text, text, bytea[], bool, text, text) IS
	'Puts a stored and signed file under a path of a draft: created, replaced, unchanged, no_version, not_draft, key_inactive, exists, precondition_required, stale, too_many_files, path_conflict. The document''s storage_key is that of the bytes that stay: another than ours means that ours are to be removed.';

CREATE FUNCTION artifact_json_1(p_artifact artifact_document_1) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_artifact.path IS NOT NULL THEN
		('{"path":' || to_json(p_artifact.path) || ',"sha256":"' || encode(p_artifact.sha256, 'hex') || '","size":'
		|| p_artifact.size || ',"media_type":' || to_json(p_artifact.media_type) || ',"key_id":"'
		|| p_artifact.key_id || '"}')::json END
$$;
COMMENT ON FUNCTION artifact_json_1(artifact_document_1) IS 'A file in events; NULL when there is none.';

CREATE FUNCTION artifact_delete_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text, p_path text,
	p_if_match bytea[], p_actor text, p_request text, OUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	old artifact_document_1;
	named record;
	owner uuid;
	owner_state text;
BEGIN
	SELECT f.outcome, f.version_id INTO outcome, owner FROM version_find_1(p_project, p_model, p_kind, p_keys, p_word) f;
	IF owner IS NULL THEN
		RETURN;
	END IF;
	SELECT v.state INTO owner_state FROM version v WHERE v.id = owner FOR NO KEY UPDATE;
	old := (SELECT d FROM artifact_document_1 d WHERE d.version_id = owner AND d.path = p_path);
	outcome := CASE
		WHEN owner_state <> 'draft' THEN 'not_draft'
		WHEN old.path IS NULL THEN 'no_artifact'
		ELSE digest_precondition_1(old.sha256, p_if_match) END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	DELETE FROM artifact a WHERE a.version_id = owner AND a.path = p_path;
	UPDATE version v SET files = v.files - 1, bytes = v.bytes - old.size, row_version = v.row_version + 1
	 WHERE v.id = owner;
	outcome := 'deleted';
	SELECT s.project, s.model_id, s.subject INTO named FROM version_subject_1(owner) s;
	PERFORM event_write_1('artifact.deleted', p_actor, p_request, named.project, named.model_id,
		named.subject || ':' || p_path, now(), artifact_json_1(old), NULL);
END $$;
COMMENT ON FUNCTION artifact_delete_1(text, text, text, bytea[], text, text, bytea[], text, text) IS
	'Takes a file out of a draft: deleted, no_project, no_model, moved, no_version, not_draft, no_artifact, precondition_required, stale.';

CREATE FUNCTION blob_quarantine_1(p_storage_keys text[], p_actor text, p_request text, OUT outcome text)
LANGUAGE plpgsql AS $$
DECLARE
	bad record;
BEGIN
	outcome := 'unchanged';
	FOR bad IN
		SELECT b.id, encode(b.sha256, 'hex') AS sha256 FROM blob b
		 WHERE b.storage_key = ANY (p_storage_keys) AND b.state = 'live'
		 ORDER BY b.id FOR NO KEY UPDATE
	LOOP
		UPDATE blob b SET state = 'quarantined' WHERE b.id = bad.id;
		outcome := 'updated';
		PERFORM event_write_1('blob.quarantined', p_actor, p_request, NULL, NULL, 'blobs/sha256:' || bad.sha256,
			now(), '{"state":"live"}', '{"state":"quarantined"}');
	END LOOP;
END $$;
COMMENT ON FUNCTION blob_quarantine_1(text[], text, text) IS
	'Sets bytes that were found missing or changed aside, until they are uploaded again: updated, unchanged (none of these keys was live).';
