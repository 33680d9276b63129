-- What became of a change whose answer was lost: sql/readback.h says how this is asked. Always one row.
-- backend: our own process here; runs: the lost statement's may still be at it; whole: every event that the
-- change could have written was looked at; kind: of the event that the request has written, NULL when there
-- is none; own: the change has left the mark. Our own commit waits as one that changes something does, so
-- what is seen here has by then reached every disk that commits wait for.
-- lane: write
-- $1 text  request id
-- $2 text  mark: what only this change can have left, the id of a model or version, or a storage key; NULL: nothing
-- $3 int4  the process the statement was sent to
-- $4 int8  how many microseconds ago
-- $5 int4  how many thousands of events to look at, at most
WITH RECURSIVE sent AS (
	SELECT now() - $4 * interval '1 microsecond' AS at, pg_logical_emit_message(true, 'hallmark', '') AS waits),
-- Back by thousands of ids, to an event that was surely written before the statement was sent: a transaction
-- may be older than what it writes, but by less than half a minute.
walk (step, id, at) AS (
	(SELECT 1, e.id, e.at FROM event e ORDER BY e.id DESC LIMIT 1)
	UNION ALL
	SELECT w.step + 1, e.id, e.at
	  FROM walk w
	 CROSS JOIN LATERAL (SELECT o.id, o.at FROM event o WHERE o.id <= w.id - 1000 ORDER BY o.id DESC LIMIT 1) e
	 WHERE w.step < $5 AND w.at >= (SELECT s.at - interval '30 seconds' FROM sent s)),
floor AS (
	SELECT CASE WHEN w.at < s.at - interval '30 seconds' THEN w.id WHEN w.step < $5 THEN 0 END AS id
	  FROM walk w, sent s
	 ORDER BY w.step DESC
	 LIMIT 1)
SELECT pg_backend_pid() AS backend,
       EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = $3 AND a.backend_start < s.at) AS runs,
       (NOT EXISTS (SELECT FROM walk) OR EXISTS (SELECT FROM floor f WHERE f.id IS NOT NULL)) AS whole,
       found.kind, coalesce(found.own, false) AS own
  FROM sent s
  LEFT JOIN LATERAL (
	SELECT e.kind, coalesce(e.model_id::text = $2 OR strpos(e.body, $2) > 0
			OR EXISTS (SELECT FROM blob b WHERE b.storage_key = $2), false) AS own
	  FROM event e
	 WHERE e.id > coalesce((SELECT f.id FROM floor f), 0) AND e.request_id = $1
	 ORDER BY own DESC, e.id DESC
	 LIMIT 1) found ON s.waits IS NOT NULL
