/* pool.h - lanes of one kind, and the calls that wait for one.
 *
 * A pool opens lanes as they are needed, reconnects them with backoff and jitter,
 * hands them the calls that wait, and ends every call once: sql/db.h promises how.
 *
 * While connecting fails, or takes long, a pool knocks: every 20 ms at first and every 250 ms
 * at most, at each host by itself, so that one that says nothing holds up no other. Where no
 * lane of the pool that leads is up either, it knocks alone, and the others follow when it
 * is let in: a server that comes back after an outage is asked once by each loop.
 *
 * Reads that wait at the same moment and ask the same are sent as one, for it is asked
 * after all of them have come: a hundred pods that look for the same alias cost one
 * look-up. The others are its twins.
 *
 * Calls of a shared pool go in units, each one transaction: while a lane's unit is on
 * its way, what comes in the meantime becomes its next one, so that under load many
 * changes pay for one commit, and a lone one waits for nobody. A unit takes its locks in
 * the order of the calls' keys, here and in every other replica, so that units cannot
 * wait for each other in a circle. When one fails, nothing of it was done, and each of
 * its calls goes to the pool alone, to be run by itself; when that is full, it is refused.
 */
#ifndef HALLMARK_SQL_POOL_H
#define HALLMARK_SQL_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"
#include "sql/db.h"
#include "sql/fair.h"
#include "sql/lane.h"
#include "sql/queue.h"

/* A call that waits stands in waiting, by age, and either in queue or in its key's
 * row (sql/fair.h). */
struct pool {
	struct lane_plan plan;
	struct timer *pump; /* the owner's, set when pool_pump() has something to do */
	struct pool *alone; /* shared pools: where the calls of a unit that failed go */
	struct lane *lanes;
	int nlanes, always; /* always: so many are kept open */
	int cap;            /* so many are up at once; more are there to knock with */
	struct pool *lead;  /* NULL: this one */
	int *home;          /* the host where a lane of the owner's came up last */
	int most;           /* calls that may wait */
	struct lane *ready; /* UP with room; the last one used is the first */
	struct lane *away;
	int up, opening;
	struct queue queue, waiting;
	struct fair *fair; /* NULL: keys do not matter */
	bool closing;
	/* Since a lane came up last, one was not opened because its server */
	bool read_only;         /* takes no changes */
	bool behind;            /* was primary before a failover */
	bool renew;             /* idle lanes are to be opened anew */
	uint64_t newest;        /* plan.newest when it was last looked at */
	uint64_t ups, followed; /* lanes that came up; and of the lead's, when it was last seen */
	int64_t wait;           /* microseconds a call waits for a lane */
	int64_t down_since, backoff, retry_at;
	uint64_t reconnects, random;
	int turn; /* of knocking: which host is the first */
	struct timer overdue, retry;
};

struct pool_options {
	struct poller *poller;
	enum lane_kind kind;
	const struct statement *table;
	int ntable, nlanes;
	int most; /* calls that may wait */
	struct conninfo conninfo;
	struct timer *pump;
	struct pool *alone, *lead;
	int *home;
	_Atomic uint64_t *newest; /* sql/lane.h */
};

bool pool_init(struct pool *pool, const struct pool_options *o); /* false: out of memory */

static inline bool pool_is_full(const struct pool *pool)
{
	return pool->waiting.count >= pool->most;
}

void pool_submit(struct pool *pool, struct db_call *call); /* not to a full one */
void pool_pump(struct pool *pool, int64_t now);
int pool_busy(const struct pool *pool); /* calls on lanes */
void pool_end(struct pool *pool);       /* ends every call that is in */
void pool_free(struct pool *pool);

#endif
