-- Registers a key; the very first one signs at once.
-- outcome: created, unchanged, exists (the id or the key is another's)
-- lane: write
-- $1 text   id, 16 upper case hex digits
-- $2 bytea  public key, 32 bytes
-- $3 text   actor
-- $4 text   request id
SELECT r.outcome, r.state
  FROM key_add_1($1, $2, $3, $4) r
