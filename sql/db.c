#include "sql/db.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "sql/conninfo.h"
#include "sql/pool.h"
#include "sql/queue.h"

/* SHARED_BYTES: a call whose arguments are longer would keep its unit's others waiting. */
enum { CONNINFO_ROOM = 1 << 20, SHARED_BYTES = 8 << 10 };

struct db {
	struct poller *poller;
	struct arena *arena; /* the connection parameters */
	bool closing;
	struct queue refused; /* calls that found their queue full */
	struct timer pump;    /* at the end of a turn in which there is something to send */
	struct pool pools[LANE_KINDS];
	int home; /* the host where a lane came up last */
	_Atomic uint64_t newest;
};

static const struct problem queue_full = {
	.code = PROBLEM_BUSY,
	.detail = "too many requests wait for the database; try again in a second"};
static const struct problem closed = {.code = PROBLEM_UNAVAILABLE,
				      .detail = "the service is stopping"};

/* ---- calls ----------------------------------------------------------------------- */

static bool is_small(const struct args *args)
{
	size_t bytes = 0;

	for (int i = 0; args && i < args->n && bytes <= SHARED_BYTES; i++)
		bytes += args_size(args, i);
	return bytes <= SHARED_BYTES;
}

/* What may share a transaction goes alone as well, where there is no lane to share or it is long.
 */
static struct pool *pool_of(struct db *db, const struct db_call *call)
{
	struct pool *pool = &db->pools[call->statement->lane];

	return pool->alone && (pool->up == 0 || !is_small(call->args)) ? pool->alone : pool;
}

void db_submit(struct db *db, struct db_call *call)
{
	struct pool *pool = pool_of(db, call);

	assert((call->args ? call->args->n : 0) == call->statement->nparams);
	call->submitted = monotonic_us();
	if (!db->closing && !pool_is_full(pool)) {
		pool_submit(pool, call);
		return;
	}
	queue_push(&db->refused, call);
	if (!db->pump.place && !db->closing)
		poller_set(db->poller, &db->pump, monotonic_us());
}

static void refuse(struct db *db, struct problem p)
{
	struct db_call *call;

	while ((call = db->refused.first)) {
		queue_remove(&db->refused, call);
		call->done(call, NULL, p);
	}
}

static void on_pump(struct timer *t)
{
	struct db *db = OWNER_OF(t, struct db, pump);
	const int64_t now = monotonic_us();

	refuse(db, queue_full);
	for (int k = 0; k < LANE_KINDS; k++)
		pool_pump(&db->pools[k], now);
}

/* ---- opening and closing --------------------------------------------------------- */

static bool read_conninfo(struct db *db, const char *text, enum lane_kind kind,
			  struct conninfo *out)
{
	const struct problem p = conninfo_read(db->arena, text, kind, out);

	if (p.code != PROBLEM_NONE) /* its detail may quote a password */
		log_line(LOG_ERROR, "database_url_unreadable");
	return p.code == PROBLEM_NONE;
}

static bool open_pool(struct db *db, enum lane_kind kind, int nlanes, const struct db_options *o)
{
	struct pool_options options = {
		.poller = db->poller,
		.kind = kind,
		.table = o->table,
		.ntable = o->ntable,
		.nlanes = nlanes,
		.most = o->queue_limit > 0 ? o->queue_limit : 1024,
		.pump = &db->pump,
		.alone = kind == LANE_SHARED ? &db->pools[LANE_WRITE] : NULL,
		.lead = kind == LANE_READ ? NULL : &db->pools[LANE_READ],
		.home = &db->home,
		.newest = o->newest ? o->newest : &db->newest,
	};

	return read_conninfo(db, o->conninfo, kind, &options.conninfo) &&
	       pool_init(&db->pools[kind], &options);
}

struct db *db_open(struct poller *p, const struct db_options *o)
{
	const int nlanes[LANE_KINDS] = {
		[LANE_READ] = 1,
		[LANE_SLOW] = o->slow_lanes > 0 ? o->slow_lanes : 2,
		[LANE_WRITE] = o->write_lanes > 0 ? o->write_lanes : 15,
		[LANE_SHARED] = 2,
	};
	struct db *db = calloc(1, sizeof(*db));
	bool good = db && (db->arena = arena_new(CONNINFO_ROOM));

	if (!db)
		return NULL;
	db->poller = p;
	db->pump.expired = on_pump;
	for (enum lane_kind k = 0; good && k < LANE_KINDS; k++)
		good = open_pool(db, k, nlanes[k], o);
	if (good) {
		poller_set(p, &db->pump, monotonic_us());
		return db;
	}
	db_close(db);
	return NULL;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db->closing = true;
	poller_cancel(db->poller, &db->pump);
	for (int k = 0; k < LANE_KINDS; k++)
		if (db->pools[k].pump)
			pool_end(&db->pools[k]);
	refuse(db, closed);
	/* Only now: whoever was told that a call ended may have asked for db_state(). */
	for (int k = 0; k < LANE_KINDS; k++)
		if (db->pools[k].pump)
			pool_free(&db->pools[k]);
	arena_free(db->arena);
	free(db);
}

struct db_state db_state(const struct db *db)
{
	struct db_state s = {
		.ready = db->pools[LANE_READ].up > 0 && db->pools[LANE_WRITE].up > 0,
		.read_only = db->pools[LANE_READ].up > 0 && db->pools[LANE_WRITE].read_only,
		.behind = db->pools[LANE_READ].behind || db->pools[LANE_WRITE].behind,
	};

	for (int k = 0; k < LANE_KINDS; k++) {
		const struct pool *pool = &db->pools[k];

		s.lanes[k] = pool->up;
		s.busy[k] = pool_busy(pool);
		s.waiting += pool->waiting.count;
		s.reconnects += pool->reconnects;
	}
	return s;
}
