/* lane.h - one connection to PostgreSQL, always in pipeline mode.
 *
 *	AWAY --lane_open--> CONNECTING --> PREPARING --> UP
 *	  ^------------- lost, or lane_close -------------'
 *
 * A lane knows the protocol and nothing of why calls come: it sends those it is
 * handed, keeps them in flight, answers them in order, and says when it is up or
 * lost. Calls are sent in units, each ended by a sync: when one fails, the rest of
 * its unit comes back aborted, and no other unit notices. The last call of a unit
 * is answered by the sync itself, because only then its transaction has ended; of a
 * unit that changes something together, so are all.
 *
 * A lane that comes up knows its server's history: which cluster it is of, and its timeline,
 * which every promotion of a standby makes one higher. What was highest, in this process,
 * stands in plan->newest. A server behind it is one that was primary before a failover and
 * has not been told: no lane comes up on it, and the pool ends those that had.
 *
 * Statements beyond the table (sql/list.h) are prepared on the way, in the pipeline
 * of the call that first needs them. A lane remembers LANE_SHAPES of them; one more
 * takes the place of the one that many ids older.
 */
#ifndef HALLMARK_SQL_LANE_H
#define HALLMARK_SQL_LANE_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"
#include "sql/conninfo.h"
#include "sql/db.h"
#include "sql/queue.h"

enum { LANE_SHAPES = 200 };

enum lane_state { LANE_AWAY, LANE_CONNECTING, LANE_PREPARING, LANE_UP };

struct lane;

/* What all lanes of one kind have in common. */
struct lane_plan {
	struct poller *poller;
	enum lane_kind kind;
	struct conninfo conninfo;
	const struct statement *table;
	int ntable;
	int depth;      /* calls in flight at once */
	int unit;       /* calls in one unit */
	bool together;  /* a unit is one change: answered when its sync has come, one at a time */
	int64_t flight; /* microseconds in which a call must be answered */
	_Atomic uint64_t *newest; /* history of the server that is right; 0: none was told yet */
	/* These may send on other lanes, but neither open nor close any. */
	void (*up)(struct lane *lane);
	/* Takes res; it is NULL for a call whose unit failed, together, by another's fault. */
	void (*answered)(struct lane *lane, struct db_call *call, PGresult *res);
	/* The lane is AWAY. What had been in flight stands in lane->flight: unsent says that
	 * the server cannot have got the last of it. why is borrowed. */
	void (*lost)(struct lane *lane, enum lane_state was, bool unsent, const char *why);
};

struct lane {
	const struct lane_plan *plan;
	void *owner;
	struct lane *next; /* the owner's */
	bool listed;
	int64_t up_since;
	int host;         /* which of the conninfo's, since it was opened last */
	uint64_t history; /* of that server: cluster << 32 | timeline; 0: not told */

	enum lane_state state;
	PGconn *pg;
	struct watch watch;
	struct timer limit; /* for connecting and preparing; then for the flight's first */
	struct queue flight;
	struct queue held;  /* together: before them in flight, with their result in hand */
	PGresult *result;   /* of the first in flight, until it is whole */
	const char *doomed; /* why the lane is to be closed as soon as nobody looks at it */
	int unit;           /* calls sent since the last sync */
	int syncs;          /* sent and not come back */
	int skip;           /* results that come before the first call's own */
	bool at_sync;       /* nothing but a sync may come */
	bool telling;       /* a result came, the NULL that ends its command did not yet */
	bool dirty;         /* calls were sent since the last lane_flush() */
	bool unsent;        /* the server cannot have got all of them */
	/* What became of it, for lost(): */
	bool late;    /* an answer did not come in time */
	bool refused; /* the server takes no changes */
	bool behind;  /* the server was primary before a failover */
	bool reached; /* connecting: the server's machine has answered */
	struct shape {
		int id;
		char name[64];
	} * shapes; /* by id modulo LANE_SHAPES; NULL until one is needed */
};

void lane_init(struct lane *lane, const struct lane_plan *plan, void *owner);
/* May already call lost(). In a hurry: only while the host's machine answers at once. */
void lane_open(struct lane *lane, int host, bool hurry);
void lane_close(struct lane *lane); /* without calling lost(); flight stays as it is */
void lane_free(struct lane *lane);  /* closes it too */

static inline bool lane_has_room(const struct lane *lane)
{
	if (lane->state != LANE_UP || lane->doomed)
		return false;
	return lane->plan->together ? lane->syncs == 0 : lane->flight.count < lane->plan->depth;
}

/* Hands the call to an UP lane with room; lane_flush() ends the unit and sends it. */
void lane_send(struct lane *lane, struct db_call *call, int64_t now);
void lane_flush(struct lane *lane); /* may call lost() */

/* Its server is not the one that is right. */
bool lane_is_behind(const struct lane *lane);
/* Not to be called while its answers are being read. Calls lost(). */
void lane_end(struct lane *lane, const char *why);

/* To be closed by the next lane_flush(), or at the end of the answers that are being read. */
void lane_doom(struct lane *lane, const char *why);

#endif
