-- A page of a version's points by name and arrival; one row without a name when there are none.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text[]   names; NULL: all
-- $7 text     the last name of the page before, '' for the first page
-- $8 int8     its arrival, 0 for the first page
-- $9 int8     how many
SELECT f.outcome, v.project, v.model, v.version, v.ordinal, v.state, v.reason,
       p.name, p.dataset, p.slice, p.value, p.step, p.at, p.arrival, p.created_at, p.created_by
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN LATERAL (
	SELECT p.name, p.dataset, p.slice, p.value, p.step, p.at, p.arrival, p.created_at, p.created_by
	  FROM metric p
	 WHERE p.version_id = f.version_id AND (p.name, p.arrival) > ($7, $8) AND ($6 IS NULL OR p.name = ANY ($6))
	 ORDER BY p.name, p.arrival
	 LIMIT $9) p ON true
 ORDER BY p.name, p.arrival
