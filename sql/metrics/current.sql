-- The current values of a version's metrics; one row without a name when there are none.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
SELECT f.outcome, v.project, v.model, v.version, v.ordinal, v.state, v.reason,
       c.name, c.dataset, c.slice, c.value, c.step, c.at
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN metric_current c ON c.version_id = f.version_id
 ORDER BY c.name, c.dataset, c.slice
