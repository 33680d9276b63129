-- Sets bytes aside that were found missing or changed; an upload of the right ones brings them back.
-- outcome: updated, unchanged
-- lane: write
-- $1 text[]  storage keys
-- $2 text    actor
-- $3 text    request id
SELECT r.outcome
  FROM blob_quarantine_1($1, $2, $3) r
