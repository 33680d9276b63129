-- Every signing key, newest first.
-- lane: slow
SELECT k.id, k.state, k.public, k.created_at, k.created_by, k.activated_at, k.retired_at
  FROM signing_key k
 ORDER BY k.created_at DESC, k.id
