-- The highest migration that was applied.
-- lane: read
SELECT max(s.number) AS number
  FROM schema_migration s
