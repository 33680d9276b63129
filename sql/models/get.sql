-- One model by its name. No row: models/former says why.
-- lane: read
-- $1 text  project
-- $2 text  name
SELECT m.id, m.project, m.name, m.description, m.card, m.tags, m.created_at, m.created_by, m.updated_at,
       m.row_version, m.latest
  FROM model_document_1 m
 WHERE m.project = $1 AND m.name = $2
