-- What a version was made from, in the order that was given; one row without a kind when nothing is known.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
SELECT f.outcome, v.id AS version_id, v.project, v.model, v.version, v.ordinal, v.state,
       e.place, e.kind, e.relation, e.uri, e.digest, e.commit, e.node,
       p.id AS parent_id, p.project AS parent_project, p.model AS parent_model, p.version AS parent_version,
       p.state AS parent_state
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN lineage_edge e ON e.version_id = f.version_id
  LEFT JOIN version_document_1 p ON p.id = e.parent_id
 ORDER BY e.place
