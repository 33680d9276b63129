-- The key that signs; no row when there is none.
-- lane: read
SELECT k.id, k.state, k.public, k.created_at, k.created_by, k.activated_at, k.retired_at
  FROM signing_key k
 WHERE k.state = 'active'
