-- The first admin and its token, when there is no admin yet.
-- outcome: created, exists
-- lane: write
-- $1 text   principal
-- $2 text   token id
-- $3 text   token kind
-- $4 bytea  token's keyed hash, 32 bytes
-- $5 text   request id
SELECT r.outcome
  FROM principal_bootstrap_1($1, $2, $3, $4, $5) r
