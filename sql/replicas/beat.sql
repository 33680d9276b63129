-- This replica lives and its signer holds these keys; active is the key that signs, NULL: none.
-- lane: write
-- $1 uuid    the replica's id
-- $2 text[]  ids of the keys it holds
SELECT r.active
  FROM replica_beat_1($1, $2) r
