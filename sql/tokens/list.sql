-- A page of tokens in the order of their ids.
-- lane: slow
-- $1 text  principal; NULL: every one's
-- $2 text  the last id of the page before, '' for the first page
-- $3 int8  how many
SELECT t.id, t.principal, t.kind, t.description, t.created_at, t.created_by, t.expires_at, t.revoked_at
  FROM token t
 WHERE t.id > $2 AND ($1 IS NULL OR t.principal = $1)
 ORDER BY t.id
 LIMIT $3
