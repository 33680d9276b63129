-- Publishes a draft whose manifest still has the digest that was signed.
-- outcome: published, unchanged, no_version, not_draft, empty, key_inactive, changed, blob_not_live
-- lane: write
-- $1 uuid   version id
-- $2 bytea  SHA-256 of the manifest that was signed
-- $3 text   envelope
-- $4 text   id of the key that signed
-- $5 text   actor
-- $6 text   request id
SELECT r.outcome, (r.document).id, (r.document).project, (r.document).model, (r.document).model_id,
       (r.document).version, (r.document).ordinal, (r.document).state, (r.document).params,
       (r.document).tags, (r.document).description, (r.document).reason, (r.document).created_at,
       (r.document).created_by, (r.document).published_at, (r.document).published_by, (r.document).key_id,
       (r.document).files, (r.document).bytes, (r.document).row_version
  FROM version_publish_1($1, $2, $3, $4, $5, $6) r
