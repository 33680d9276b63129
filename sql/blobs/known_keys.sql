-- A page of the storage keys that are in use, in their order.
-- lane: slow
-- $1 text  the last key of the page before, '' for the first page
-- $2 int8  how many
SELECT b.storage_key
  FROM blob b
 WHERE b.storage_key > $1
 ORDER BY b.storage_key
 LIMIT $2
