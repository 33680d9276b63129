-- Ends a token.
-- outcome: updated, unchanged, no_token
-- lane: write
-- $1 text  id
-- $2 text  actor
-- $3 text  request id
SELECT r.outcome
  FROM token_revoke_1($1, $2, $3) r
