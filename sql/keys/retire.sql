-- Ends a key's signing; active is the key that signs from now on.
-- outcome: updated, unchanged, no_key, last_key (nothing would sign, and force was not asked for)
-- lane: write
-- $1 text  id
-- $2 bool  force: even when nothing signs then
-- $3 text  actor
-- $4 text  request id
SELECT r.outcome, r.active
  FROM key_retire_1($1, $2, $3, $4) r
