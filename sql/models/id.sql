-- The id of a model by its name. No row: models/former says why.
-- lane: read
-- $1 text  project
-- $2 text  name
SELECT m.id
  FROM model m
 WHERE m.project = $1 AND m.name = $2 AND m.deleted_at IS NULL
