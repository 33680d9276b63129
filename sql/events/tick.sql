-- Gives waiting events their places in the order of all; NULLs when none waited or another replica is at it.
-- lane: write
-- $1 int8  at most how many
SELECT r.first, r.last
  FROM event_tick_1($1) r
