-- Signing keys, and the replicas that say which of them they hold.
--
-- A key signs once every live replica holds it, so a new one is added as standby and
-- becomes active by a replica's beat. Exactly one key is active at a time; the one
-- before it is retired and stays to verify with.

CREATE TABLE signing_key (
	id text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9A-F]{16}$'),
	state text COLLATE "C" NOT NULL CHECK (state IN ('standby', 'active', 'retired')),
	public bytea NOT NULL UNIQUE CHECK (octet_length(public) = 32),
	created_at timestamptz NOT NULL DEFAULT now(),
	activated_at timestamptz,
	retired_at timestamptz,
	created_by text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX signing_key_active ON signing_key (state) WHERE state = 'active';
COMMENT ON TABLE signing_key IS 'Public halves of the Ed25519 keys that sign or have signed here. The secret halves are never in the database.';
COMMENT ON COLUMN signing_key.id IS 'The key''s id as minisign writes it: 16 upper case hex digits.';
COMMENT ON COLUMN signing_key.state IS 'standby: known, does not sign yet; active: signs; retired: signs no more, verifies for ever.';
COMMENT ON COLUMN signing_key.public IS 'The 32 bytes of the public key.';
COMMENT ON COLUMN signing_key.created_at IS 'When it was registered.';
COMMENT ON COLUMN signing_key.activated_at IS 'Since when it has signed; NULL: never.';
COMMENT ON COLUMN signing_key.retired_at IS 'When it stopped signing; NULL: it has not.';
COMMENT ON COLUMN signing_key.created_by IS 'The principal that registered it.';

CREATE TABLE replica (
	id uuid PRIMARY KEY,
	started_at timestamptz NOT NULL DEFAULT now(),
	seen_at timestamptz NOT NULL DEFAULT now(),
	keys text[] COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE replica IS 'Running services. One that was seen within 15 seconds counts as live.';
COMMENT ON COLUMN replica.id IS 'Made by the replica at its start.';
COMMENT ON COLUMN replica.started_at IS 'Its first beat.';
COMMENT ON COLUMN replica.seen_at IS 'Its last beat.';
COMMENT ON COLUMN replica.keys IS 'Ids of the keys that its signer holds.';

CREATE FUNCTION key_promote_1(p_actor text, p_request text, OUT promoted text) LANGUAGE plpgsql AS $$
DECLARE
	before text;
BEGIN
	-- Lock the few keys, look in the next statement: two beats must not promote twice.
	PERFORM 1 FROM signing_key k ORDER BY k.id FOR NO KEY UPDATE;
	SELECT k.id INTO before FROM signing_key k WHERE k.state = 'active';
	SELECT k.id INTO promoted FROM signing_key k
	 WHERE k.state = 'standby'
	   AND NOT EXISTS (SELECT FROM replica r
			    WHERE r.seen_at > clock_timestamp() - interval '15 seconds' AND NOT k.id = ANY (r.keys))
	   AND (before IS NULL OR EXISTS (SELECT FROM replica r
			    WHERE r.seen_at > clock_timestamp() - interval '15 seconds'))
	 ORDER BY k.created_at DESC, k.id DESC LIMIT 1;
	IF promoted IS NULL THEN
		RETURN;
	END IF;
	UPDATE signing_key k SET state = 'retired', retired_at = now() WHERE k.id = before;
	UPDATE signing_key k SET state = 'active', activated_at = now() WHERE k.id = promoted;
	PERFORM event_write_1('key.activated', p_actor, p_request, NULL, NULL, 'keys/' || promoted, now(),
		json_build_object('active', before), json_build_object('active', promoted));
END $$;
COMMENT ON FUNCTION key_promote_1(text, text) IS
	'Makes the newest standby key that every live replica holds the active one; NULL when there is none. Without a live replica only the very first key becomes active.';

CREATE FUNCTION replica_beat_1(p_id uuid, p_keys text[], OUT active text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO replica AS r (id, keys, seen_at) VALUES (p_id, p_keys, clock_timestamp())
	ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, keys = excluded.keys;
	DELETE FROM replica r WHERE r.seen_at < clock_timestamp() - interval '1 day';
	IF EXISTS (SELECT FROM signing_key k WHERE k.state = 'standby') THEN
		PERFORM key_promote_1('hallmark', NULL);
	END IF;
	SELECT k.id INTO active FROM signing_key k WHERE k.state = 'active';
END $$;
COMMENT ON FUNCTION replica_beat_1(uuid, text[]) IS
	'A replica says that it lives and which keys its signer holds, and learns which key signs (NULL: none).';

-- created, unchanged, exists
CREATE FUNCTION key_add_1(p_id text, p_public bytea, p_actor text, p_request text,
	OUT outcome text, OUT state text) LANGUAGE plpgsql AS $$
DECLARE
	found_id text;
	found_public bytea;
BEGIN
	INSERT INTO signing_key (id, state, public, created_by) VALUES (p_id, 'standby', p_public, p_actor)
	ON CONFLICT DO NOTHING;
	IF FOUND THEN
		outcome := 'created';
		PERFORM event_write_1('key.added', p_actor, p_request, NULL, NULL, 'keys/' || p_id, now(), NULL,
			json_build_object('id', p_id, 'public', encode(p_public, 'hex')));
		IF NOT EXISTS (SELECT FROM signing_key k WHERE k.state = 'active') THEN
			PERFORM key_promote_1(p_actor, p_request);
		END IF;
	END IF;
	SELECT k.id, k.public, k.state INTO found_id, found_public, state FROM signing_key k
	 WHERE k.id = p_id OR k.public = p_public ORDER BY k.id = p_id DESC LIMIT 1;
	IF outcome IS NULL THEN
		outcome := CASE WHEN found_id = p_id AND found_public = p_public THEN 'unchanged' ELSE 'exists' END;
	END IF;
END $$;
COMMENT ON FUNCTION key_add_1(text, bytea, text, text) IS
	'Registers a key as standby, or at once as active when it is the first: created, unchanged, exists (the id or the key is taken by another).';

-- updated, unchanged, no_key, last_key
CREATE FUNCTION key_retire_1(p_id text, p_force bool, p_actor text, p_request text,
	OUT outcome text, OUT active text) LANGUAGE plpgsql AS $$
DECLARE
	old text;
BEGIN
	PERFORM 1 FROM signing_key k ORDER BY k.id FOR NO KEY UPDATE;
	SELECT k.state INTO old FROM signing_key k WHERE k.id = p_id;
	outcome := CASE WHEN old IS NULL THEN 'no_key' WHEN old = 'retired' THEN 'unchanged' END;
	IF outcome IS NULL AND old = 'active' THEN
		active := key_promote_1(p_actor, p_request);
		outcome := CASE WHEN active IS NULL AND NOT p_force THEN 'last_key' END;
	END IF;
	IF outcome IS NULL THEN
		UPDATE signing_key k SET state = 'retired', retired_at = now() WHERE k.id = p_id;
		outcome := 'updated';
		PERFORM event_write_1('key.retired', p_actor, p_request, NULL, NULL, 'keys/' || p_id, now(),
			json_build_object('state', old), '{"state":"retired"}');
	END IF;
	SELECT k.id INTO active FROM signing_key k WHERE k.state = 'active';
END $$;
COMMENT ON FUNCTION key_retire_1(text, bool, text, text) IS
	'Ends a key''s signing; a standby key takes over when every live replica holds it: updated, unchanged, no_key, last_key (nothing would sign then, and force was not asked for).';
