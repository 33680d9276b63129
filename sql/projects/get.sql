-- One project by its name.
-- lane: read
-- $1 text  name
SELECT p.name, p.description, p.created_at, p.created_by, p.row_version
  FROM project_document_1 p
 WHERE p.name = $1
