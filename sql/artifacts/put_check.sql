-- Whether a file may be put under a path, asked before its bytes are taken; artifacts/put asks again.
-- outcome: found, no_project, no_model, moved, no_version, not_draft, too_many_files, path_conflict
-- sha256 is that of the file that is there, NULL when there is none; active_key is the key that signs, NULL: none
-- lane: read
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     path
SELECT CASE
		WHEN f.version_id IS NULL THEN f.outcome
		WHEN v.state <> 'draft' THEN 'not_draft'
		WHEN a.path IS NOT NULL THEN 'found'
		WHEN v.files >= 100000 THEN 'too_many_files'
		WHEN artifact_conflict_1(v.id, $6) THEN 'path_conflict'
		ELSE 'found' END AS outcome,
       v.id AS version_id, v.project, v.model, v.model_id, v.version, v.state, a.sha256,
       (SELECT k.id FROM signing_key k WHERE k.state = 'active') AS active_key
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN artifact_document_1 a ON a.version_id = f.version_id AND a.path = $6
