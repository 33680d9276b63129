/* db.h - one loop's connections to PostgreSQL: submit a statement, be called back.
 *
 * A struct db belongs to one loop (one poller, one thread). It keeps
 *   - one read lane: a connection in pipeline mode with any number in flight,
 *     answered in order, a sync after every few (statement_timeout 250 ms); of those
 *     that wait together, equal ones are asked once, and share the answer;
 *   - slow lanes (lists, search, lineage; 5 s; plan_cache_mode=force_custom_plan)
 *     and write lanes (5 s, lock_timeout 2 s): one statement in flight each, because
 *     commits on one connection queue behind each other's fsync;
 *   - shared lanes, for small changes that come in great number: what waits goes as one
 *     transaction (sql/pool.h), and through a write lane when that fails.
 * Read and slow lanes run read-only transactions, so the server itself refuses
 * what could not be sent twice. Lanes open when first needed (the read lane and one
 * write lane at once), and prepare the statements of their kind in one pipeline
 * before they take work. What a turn of the loop submits is sent at its end.
 *
 * A lost lane reconnects with backoff and jitter, at one of the conninfo's hosts: where a server
 * comes back, or a standby is promoted, it is found within half a second. A server that was
 * primary before a failover is never taken for the right one again. Reads that it had not answered
 * are sent again (three times at most); a write ends as below. Every call ends
 * exactly once: a read within 2 s, a slow one within 8, a write within 10, half of
 * that or less spent in waiting. While no lane of its kind can connect, a call
 * waits one second at most.
 *
 * Serialization failures and deadlocks (40001, 40P01) are tried again twice.
 * SQLSTATE is translated here (sql/sqlstate.h) and nowhere else: lock_timeout,
 * statement_timeout and a full queue -> BUSY, lost before it was sent or refused ->
 * UNAVAILABLE, a write lost in flight -> OUTCOME_UNKNOWN, anything else ->
 * INTERNAL, logged with its detail.
 *
 * libpq resolves host names in the calling thread: give hostaddr, or a resolver
 * that answers fast, where a name server can be away for long.
 */
#ifndef HALLMARK_SQL_DB_H
#define HALLMARK_SQL_DB_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"
#include "base/problem.h"
#include "sql/args.h"
#include "sql/statement.h"

struct db;

struct db_options {
	const char *conninfo;          /* libpq connection string or URI; never logged */
	const struct statement *table; /* what lanes prepare: statements, from sql/statement.h */
	int ntable;      /* STATEMENT_COUNT; ids from here on are lists (sql/list.h) */
	int slow_lanes;  /* 0: 2 */
	int write_lanes; /* 0: 15 */
	int queue_limit; /* calls of one kind that may wait before BUSY; 0: 1024 */
	/* Which server is right (sql/lane.h): one for all engines of a process; NULL: its own */
	_Atomic uint64_t *newest;
};

/* One statement on its way. The caller embeds it, fills the first block, and
 * leaves it and what args point to alone until done() was called. */
struct db_call {
	const struct statement *statement;
	const struct args *args; /* NULL when it takes none */
	uint64_t key; /* writes: what they wait for (a model's hash); 0: nothing. At most half
		       * of the write lanes work for one key, so one busy model blocks no other. */
	/* Called once, from the poller's turn or db_close(), never from db_submit().
	 * res is NULL when p.code is not PROBLEM_NONE, and is freed after the call; the
	 * detail of p is constant text. It may submit, and may free the call. */
	void (*done)(struct db_call *call, const PGresult *res, struct problem p);

	struct db_link { /* from here on the engine's: see sql/queue.h */
		struct db_call *next, *prev;
	} links[2];
	struct queue *queue;
	struct fair_key *fair;
	PGresult *result;     /* until its unit has ended */
	struct db_call *twin; /* asks the same, and is answered with it */
	int64_t submitted, sent;
	int tries;
	int backend; /* the server's process that it was last sent to */
	bool ends_unit;
};

/* NULL: out of memory, or the conninfo cannot be read (logged, without its text). */
struct db *db_open(struct poller *p, const struct db_options *options);
/* Calls that have not ended end here: with UNAVAILABLE, but a write in flight with
 * OUTCOME_UNKNOWN. Not to be called from done(). */
void db_close(struct db *db);

void db_submit(struct db *db, struct db_call *call);

/* For /ready and the metrics: connected and prepared; lanes by state; waiting calls. */
struct db_state {
	bool ready; /* the read lane and a write lane are up */
	/* Why not, when more is known than that the server cannot be reached: it */
	bool read_only;        /* takes no changes */
	bool behind;           /* was primary before a failover */
	int lanes[LANE_KINDS]; /* connected and prepared */
	int busy[LANE_KINDS];  /* calls in flight */
	int waiting;           /* calls that no lane has taken yet */
	uint64_t reconnects;   /* lanes lost after they had been up */
};
struct db_state db_state(const struct db *db);

#endif
