-- A token, with its principal should that be new, and a role should one be named.
-- outcome: created, exists, no_project
-- lane: write
-- $1 text         id
-- $2 text         principal
-- $3 text         kind
-- $4 bytea        keyed hash, 32 bytes
-- $5 text         description
-- $6 timestamptz  expires; NULL: never
-- $7 text         role; NULL: none
-- $8 text         project of the role; NULL or *: all
-- $9 text         actor
-- $10 text         request id
SELECT r.outcome
  FROM token_create_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) r
