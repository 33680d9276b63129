-- Adds points to a version: [{"name", "value", "dataset", "step", "slice", "at"}], absent members left out or null.
-- outcome: created, no_project, no_model, moved, no_version, yanked, discarded
-- lane: write
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 json     the points
-- $7 text     actor
-- $8 text     request id
SELECT r.outcome, r.version_id
  FROM metrics_add_1($1, $2, $3, $4, $5, $6, $7, $8) r
