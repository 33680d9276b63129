-- A page of projects in the order of their names.
-- lane: slow
-- $1 text  the last name of the page before, '' for the first page
-- $2 int8  how many
SELECT p.name, p.description, p.created_at, p.created_by, p.row_version
  FROM project_document_1 p
 WHERE p.name > $1
 ORDER BY p.name
 LIMIT $2
