-- The version that versions/create has made with this id, in its words. No row: it has not.
-- lane: read
-- $1 uuid  id
SELECT 'created' AS outcome, NULL::int4 AS fault, v.id, v.project, v.model, v.model_id, v.version, v.ordinal, v.state,
       v.params, v.tags, v.description, v.reason, v.created_at, v.created_by, v.published_at, v.published_by, v.key_id,
       v.files, v.bytes, v.row_version
  FROM version_document_1 v
 WHERE v.id = $1
