-- Throws a draft away.
-- outcome: deleted, no_project, no_model, moved, no_version, discarded, not_draft, precondition_required, stale
-- lane: write
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 int8[]   If-Match: row versions, -1 for *; NULL: absent
-- $7 text     actor
-- $8 text     request id
SELECT r.outcome
  FROM version_discard_1($1, $2, $3, $4, $5, $6, $7, $8) r
