/* db.h - one loop's connections to PostgreSQL: submit a statement, be called back.
 *
 * A struct db belongs to one loop (one poller, one thread). It keeps
 *   - one read lane: a connection in pipeline mode, a sync after every query,
 *     any number in flight, answers in order (statement_timeout 250 ms);
 *   - slow lanes (lists, search, lineage; 5 s; plan_cache_mode=force_custom_plan)
 *     and write lanes (lock_timeout 2 s): one statement in flight each, because
 *     commits on one connection queue behind each other's fsync.
 * Lanes open when first needed (the read lane and one write lane at once), and
 * prepare the statements of their kind in one pipeline before they take work.
 * A lost lane fails what was in flight, reconnects with backoff and jitter, and
 * reads that had not been answered are sent again. Every call ends exactly once,
 * at the latest at its deadline: nothing waits for ever for a dead server.
 *
 * Serialization failures and deadlocks (40001, 40P01) are tried again twice.
 * SQLSTATE is translated here and nowhere else: lock_timeout and statement_timeout
 * -> BUSY, lost before it was sent or refused -> UNAVAILABLE, a write lost in
 * flight -> OUTCOME_UNKNOWN, anything else -> INTERNAL, logged with its detail.
 */
#ifndef HALLMARK_SQL_DB_H
#define HALLMARK_SQL_DB_H

#include <libpq-fe.h>
#include <stdint.h>

#include "base/poller.h"
#include "base/problem.h"
#include "sql/args.h"
#include "sql/statement.h"

struct db;

struct db_options {
	const char *conninfo; /* libpq connection string or URI; never logged */
	int slow_lanes;       /* 2 */
	int write_lanes;      /* 15 */
	int queue_limit;      /* calls that may wait for a lane before BUSY; 1024 */
};

/* One statement on its way. The caller embeds it, fills the first block, and
 * leaves it and what args point to alone until done() was called. */
struct db_call {
	const struct statement *statement;
	const struct args *args;
	uint64_t key; /* writes: what they wait for (a model's hash); 0: nothing. At most half
	               * of the write lanes work for one key, so one busy model blocks no other. */
	/* res is NULL when p.code is not PROBLEM_NONE, and is freed after the call;
	 * the detail of p is constant text. */
	void (*done)(struct db_call *call, const PGresult *res, struct problem p);

	struct db_call *next; /* the rest is the engine's */
	int64_t deadline;
	int tries;
};

struct db *db_open(struct poller *p, const struct db_options *options); /* NULL: out of memory */
void db_close(struct db *db); /* calls in flight end with UNAVAILABLE */

void db_submit(struct db *db, struct db_call *call);

/* For /ready and the metrics: connected and prepared; lanes by state; waiting calls. */
struct db_state {
	bool ready; /* the read lane and a write lane are up */
	int lanes[LANE_KINDS], busy[LANE_KINDS], waiting;
	uint64_t reconnects;
};
struct db_state db_state(const struct db *db);

#endif
