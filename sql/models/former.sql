-- Why a model is not found, and its name of today when it was renamed.
-- outcome: moved, no_project, no_model
-- lane: read
-- $1 text  project
-- $2 text  name
SELECT CASE WHEN m.name IS NOT NULL THEN 'moved' WHEN p.name IS NULL THEN 'no_project' ELSE 'no_model' END AS outcome,
       m.name
  FROM (SELECT) one
  LEFT JOIN project p ON p.name = $1
  LEFT JOIN model_former_name f ON f.project = $1 AND f.name = $2
  LEFT JOIN model m ON m.id = f.model_id AND m.deleted_at IS NULL
