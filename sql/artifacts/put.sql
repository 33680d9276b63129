-- Puts a stored and signed file under a path of a draft. When storage_key is another than ours, or there is none,
-- our bytes are to be removed.
-- outcome: created, replaced, unchanged, no_version, not_draft, key_inactive, exists, precondition_required, stale,
-- too_many_files, path_conflict
-- lane: write
-- $1 uuid     version id
-- $2 text     path
-- $3 bytea    sha256
-- $4 int8     size
-- $5 bytea    blake2b
-- $6 text     storage key of our bytes
-- $7 text     media type
-- $8 text     minisign signature
-- $9 text     id of the key that signed
-- $10 bytea[]  If-Match: SHA-256 digests, empty for *; NULL: absent
-- $11 bool     If-None-Match: *
-- $12 text     actor
-- $13 text     request id
SELECT r.outcome, (r.document).path, (r.document).sha256, (r.document).size, (r.document).blake2b,
       (r.document).media_type, (r.document).minisig, (r.document).key_id, (r.document).storage_key,
       (r.document).blob_state, (r.document).created_at, (r.document).created_by
  FROM artifact_put_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) r
