-- Takes a file out of a draft.
-- outcome: deleted, no_project, no_model, moved, no_version, not_draft, no_artifact, precondition_required, stale
-- lane: write
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     path
-- $7 bytea[]  If-Match: SHA-256 digests, empty for *; NULL: absent
-- $8 text     actor
-- $9 text     request id
SELECT r.outcome
  FROM artifact_delete_1($1, $2, $3, $4, $5, $6, $7, $8, $9) r
