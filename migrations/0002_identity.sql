-- Who may do what: principals, their roles in projects, and the tokens they come with.

CREATE TABLE project (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
	created_at timestamptz NOT NULL DEFAULT now(),
	row_version int8 NOT NULL DEFAULT 1,
	description text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(description) <= 65536),
	created_by text COLLATE "C" NOT NULL
);
COMMENT ON TABLE project IS 'What isolates teams from each other. A project is never renamed nor removed.';
COMMENT ON COLUMN project.name IS 'Its name and key: lower case letters, digits, dashes.';
COMMENT ON COLUMN project.created_at IS 'When it was made.';
COMMENT ON COLUMN project.row_version IS 'Grows with every change: the ETag.';
COMMENT ON COLUMN project.description IS 'A line or two for people.';
COMMENT ON COLUMN project.created_by IS 'The principal that made it.';
INSERT INTO project (name, description, created_by) VALUES ('default', 'The project that is there from the start.', 'hallmark');

CREATE TABLE principal (
	name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 255),
	created_at timestamptz NOT NULL DEFAULT now(),
	disabled_at timestamptz,
	created_by text COLLATE "C" NOT NULL
);
COMMENT ON TABLE principal IS 'A person or a program that acts: the actor of events.';
COMMENT ON COLUMN principal.name IS 'Its name and key.';
COMMENT ON COLUMN principal.created_at IS 'When it was made.';
COMMENT ON COLUMN principal.disabled_at IS 'Since when none of its tokens is accepted; NULL while it may act.';
COMMENT ON COLUMN principal.created_by IS 'The principal that made it.';

CREATE TABLE role_binding (
	principal text COLLATE "C" NOT NULL REFERENCES principal,
	project text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL CHECK (role IN ('reader', 'publisher', 'promoter', 'approver', 'admin')),
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text COLLATE "C" NOT NULL,
	PRIMARY KEY (principal, project, role)
);
COMMENT ON TABLE role_binding IS 'What a principal may do, and where.';
COMMENT ON COLUMN role_binding.principal IS 'principal.name';
COMMENT ON COLUMN role_binding.project IS 'project.name, or * for every project and for the registry itself.';
COMMENT ON COLUMN role_binding.role IS 'reader, publisher, promoter, approver or admin.';
COMMENT ON COLUMN role_binding.created_at IS 'Since when.';
COMMENT ON COLUMN role_binding.created_by IS 'Who gave it.';

CREATE TABLE token (
	id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
	principal text COLLATE "C" NOT NULL REFERENCES principal,
	kind text COLLATE "C" NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 32),
	hash bytea NOT NULL CHECK (octet_length(hash) = 32),
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	revoked_at timestamptz,
	description text COLLATE "C" NOT NULL DEFAULT '',
	created_by text COLLATE "C" NOT NULL
);
CREATE INDEX token_of_principal ON token (principal);
COMMENT ON TABLE token IS 'Bearer tokens. What is kept does not let anyone in: the secret itself is nowhere.';
COMMENT ON COLUMN token.id IS 'The part of the token that names it; not secret.';
COMMENT ON COLUMN token.principal IS 'Whose token it is.';
COMMENT ON COLUMN token.kind IS 'The word in its prefix: pat for a person''s or program''s own token.';
COMMENT ON COLUMN token.hash IS 'Keyed hash of the secret part, 32 bytes; the key is not in the database.';
COMMENT ON COLUMN token.created_at IS 'When it was made.';
COMMENT ON COLUMN token.expires_at IS 'From when on it is refused; NULL: never.';
COMMENT ON COLUMN token.revoked_at IS 'Since when it is refused; NULL while it is good.';
COMMENT ON COLUMN token.description IS 'What it is for.';
COMMENT ON COLUMN token.created_by IS 'The principal that made it.';

CREATE VIEW project_document_1 AS
SELECT p.name, p.description, p.created_at, p.created_by, p.row_version FROM project p;
COMMENT ON VIEW project_document_1 IS 'A project as the API shows it.';

CREATE FUNCTION precondition_1(p_row_version int8, p_if_match int8[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_if_match IS NULL THEN 'precondition_required'
		WHEN NOT p_if_match && ARRAY[p_row_version, -1] THEN 'stale' END
$$;
COMMENT ON FUNCTION precondition_1(int8, int8[]) IS
	'If-Match against a row that is there: NULL when it holds, else precondition_required or stale. -1 stands for *.';

-- created, updated, unchanged, precondition_required, stale, exists
CREATE FUNCTION project_put_1(p_name text, p_description text, p_if_match int8[], p_if_none_match bool,
	p_actor text, p_request text, OUT outcome text, OUT document project_document_1) LANGUAGE plpgsql AS $$
DECLARE
	old project_document_1;
BEGIN
	IF p_if_match IS NULL THEN
		INSERT INTO project (name, description, created_by) VALUES (p_name, p_description, p_actor)
		ON CONFLICT (name) DO NOTHING;
		IF FOUND THEN
			document := (SELECT d FROM project_document_1 d WHERE d.name = p_name);
			outcome := 'created';
			PERFORM event_write_1('project.created', p_actor, p_request, p_name, NULL, p_name,
				document.created_at, NULL, row_json_1(document));
			RETURN;
		END IF;
	END IF;
	PERFORM 1 FROM project p WHERE p.name = p_name FOR NO KEY UPDATE;
	old := (SELECT d FROM project_document_1 d WHERE d.name = p_name);
	document := old;
	outcome := CASE
		WHEN old.name IS NULL THEN 'stale'
		WHEN p_if_none_match THEN 'exists'
		WHEN old.description = p_description THEN 'unchanged'
		ELSE precondition_1(old.row_version, p_if_match) END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	UPDATE project p SET description = p_description, row_version = p.row_version + 1 WHERE p.name = p_name;
	document := (SELECT d FROM project_document_1 d WHERE d.name = p_name);
	outcome := 'updated';
	PERFORM event_change_1('project.updated', p_actor, p_request, p_name, NULL, p_name, old, document);
END $$;
COMMENT ON FUNCTION project_put_1(text, text, int8[], bool, text, text) IS
	'Makes or replaces a project: created, updated, unchanged, precondition_required, stale, exists.';

-- created, exists, no_project
CREATE FUNCTION token_create_1(p_id text, p_principal text, p_kind text, p_hash bytea, p_description text,
	p_expires timestamptz, p_role text, p_project text, p_actor text, p_request text, OUT outcome text)
LANGUAGE plpgsql AS $$
BEGIN
	IF p_project <> '*' AND NOT EXISTS (SELECT FROM project p WHERE p.name = p_project) THEN
		outcome := 'no_project';
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM token t WHERE t.id = p_id) THEN
		outcome := 'exists';
		RETURN;
	END IF;
	INSERT INTO principal (name, created_by) VALUES (p_principal, p_actor) ON CONFLICT (name) DO NOTHING;
	IF FOUND THEN
		PERFORM event_write_1('principal.created', p_actor, p_request, NULL, NULL, 'principals/' || p_principal,
			now(), NULL, json_build_object('name', p_principal));
	END IF;
	INSERT INTO token (id, principal, kind, hash, description, expires_at, created_by)
	VALUES (p_id, p_principal, p_kind, p_hash, p_description, p_expires, p_actor);
	outcome := 'created';
	PERFORM event_write_1('token.created', p_actor, p_request, NULL, NULL, 'tokens/' || p_id, now(), NULL,
		json_build_object('id', p_id, 'principal', p_principal, 'kind', p_kind,
			'description', p_description, 'expires_at', utc_text_1(p_expires)));
	IF p_role IS NULL THEN
		RETURN;
	END IF;
	INSERT INTO role_binding (principal, project, role, created_by)
	VALUES (p_principal, coalesce(p_project, '*'), p_role, p_actor)
	ON CONFLICT (principal, project, role) DO NOTHING;
	IF FOUND THEN
		PERFORM event_write_1('role.granted', p_actor, p_request, nullif(coalesce(p_project, '*'), '*'), NULL,
			'principals/' || p_principal, now(), NULL,
			json_build_object('project', coalesce(p_project, '*'), 'role', p_role));
	END IF;
END $$;
COMMENT ON FUNCTION token_create_1(text, text, text, bytea, text, timestamptz, text, text, text, text) IS
	'A token, with its principal when that is new and a role (NULL: none) in a project (* or NULL: all): created, exists, no_project.';

-- created, exists
CREATE FUNCTION principal_bootstrap_1(p_principal text, p_token text, p_kind text, p_hash bytea,
	p_request text, OUT outcome text) LANGUAGE plpgsql AS $$
BEGIN
	-- Two replicas may start on an empty database at once.
	PERFORM pg_advisory_xact_lock(hashtextextended('hallmark.bootstrap', 0));
	IF EXISTS (SELECT FROM role_binding b WHERE b.project = '*' AND b.role = 'admin') THEN
		outcome := 'exists';
		RETURN;
	END IF;
	SELECT t.outcome INTO outcome FROM token_create_1(p_token, p_principal, p_kind, p_hash,
		'made at the first start', NULL, 'admin', '*', 'hallmark', p_request) t;
END $$;
COMMENT ON FUNCTION principal_bootstrap_1(text, text, text, bytea, text) IS
	'The first admin with a token, when there is no admin yet: created, exists.';

-- updated, unchanged, no_token
CREATE FUNCTION token_revoke_1(p_id text, p_actor text, p_request text, OUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	revoked timestamptz;
BEGIN
	SELECT t.revoked_at INTO revoked FROM token t WHERE t.id = p_id FOR NO KEY UPDATE;
	outcome := CASE WHEN NOT FOUND THEN 'no_token' WHEN revoked IS NOT NULL THEN 'unchanged' END;
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	UPDATE token t SET revoked_at = now() WHERE t.id = p_id;
	outcome := 'updated';
	PERFORM event_write_1('token.revoked', p_actor, p_request, NULL, NULL, 'tokens/' || p_id, now(),
		NULL, json_build_object('revoked_at', utc_text_1(now())));
END $$;
COMMENT ON FUNCTION token_revoke_1(text, text, text) IS 'Ends a token: updated, unchanged (it was revoked before), no_token.';
