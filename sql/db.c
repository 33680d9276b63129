#include "sql/db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "sql/conninfo.h"
#include "sql/fair.h"
#include "sql/lane.h"
#include "sql/queue.h"
#include "sql/sqlstate.h"

#define MS     INT64_C(1000)
#define SECOND (1000 * MS)

#define BACKOFF_FIRST (20 * MS)
#define BACKOFF_MOST  (1 * SECOND)
#define AWAY_WAIT     (1 * SECOND) /* how long a call waits while nothing can connect */
#define STABLE        (1 * SECOND) /* a lane that was up for this long may reconnect at once */

enum { TRIES = 3, CONNINFO_ROOM = 1 << 20 };

/* Lanes of one kind and the calls that wait for them. A call that waits stands in
 * waiting, by age, and either in queue or in its key's row (sql/fair.h). */
struct pool {
	struct db *db;
	struct lane_plan plan;
	struct lane *lanes;
	int nlanes, always; /* always: so many are kept open */
	struct lane *ready; /* UP with room; the last one used is the first */
	struct lane *away;
	int up, opening;
	struct queue queue, waiting;
	struct fair *fair; /* NULL: keys do not matter */
	int64_t wait;      /* microseconds a call waits for a lane */
	int64_t down_since, backoff, retry_at;
	struct timer overdue, retry;
};

struct db {
	struct poller *poller;
	struct arena *arena; /* the connection parameters */
	int queue_limit;
	bool closing;
	struct queue refused; /* calls that found their queue full */
	struct timer pump;    /* at the end of a turn in which there is something to send */
	uint64_t reconnects, random;
	struct pool pools[LANE_KINDS];
};

/* A unit shares one sync, and so one transaction, one send and one answer of the
 * server's: with 8 reads in it a lane does twice the look-ups of one that syncs after
 * each (tests/bench/db_lane.c). An error takes down its whole unit; the reads beside it
 * are simply sent again. wait + flight is the promise of sql/db.h. */
static const struct kind {
	const char *name;
	int depth, unit, always;
	int64_t wait, flight;
} kinds[LANE_KINDS] = {
	[LANE_READ] = {"read", 4096, 8, 1, 1 * SECOND, 1 * SECOND},
	[LANE_SLOW] = {"slow", 1, 1, 0, 2500 * MS, 5500 * MS},
	[LANE_WRITE] = {"write", 1, 1, 1, 4 * SECOND, 6 * SECOND},
};

static const struct problem queue_full = {
	.code = PROBLEM_BUSY,
	.detail = "too many requests wait for the database; try again in a second"};
static const struct problem no_lane = {
	.code = PROBLEM_BUSY,
	.detail = "the database had no time for this request; try again in a second"};
static const struct problem away = {
	.code = PROBLEM_UNAVAILABLE,
	.detail = "the database cannot be reached; try again in a few seconds"};
static const struct problem silent = {.code = PROBLEM_UNAVAILABLE,
				      .detail =
					      "the database did not answer; try again in a second"};
static const struct problem unknown = {
	.code = PROBLEM_OUTCOME_UNKNOWN,
	.detail = "the connection to the database broke during the change, which may or may not "
		  "have been made; read the resource to find out"};
static const struct problem closed = {.code = PROBLEM_UNAVAILABLE,
				      .detail = "the service is stopping"};

#define POOL_OF(part, member) OWNER_OF(part, struct pool, member)

static void wake(struct db *db)
{
	if (!db->pump.place && !db->closing)
		poller_set(db->poller, &db->pump, monotonic_us());
}

/* ---- calls ----------------------------------------------------------------------- */

/* The call is in no row any more, but perhaps its key's. */
static void finish(struct pool *pool, struct db_call *call, PGresult *res, struct problem p)
{
	struct db_call *next = pool->fair ? fair_release(pool->fair, call) : NULL;

	if (next) {
		queue_push(&pool->queue, next);
		wake(pool->db);
	}
	call->done(call, p.code == PROBLEM_NONE ? res : NULL, p);
	PQclear(res);
}

void db_submit(struct db *db, struct db_call *call)
{
	struct pool *pool = &db->pools[call->statement->lane];

	assert((call->args ? call->args->n : 0) == call->statement->nparams);
	call->submitted = monotonic_us();
	call->tries = 0;
	call->queue = NULL;
	call->fair = NULL;
	if (db->closing || pool->waiting.count >= db->queue_limit) {
		queue_push(&db->refused, call);
	} else {
		queue_push(&pool->waiting, call);
		if (!pool->fair || fair_admit(pool->fair, call))
			queue_push(&pool->queue, call);
	}
	wake(db);
}

/* Back to the front, where its age belongs; its key's place it still has. */
static void wait_again(struct pool *pool, struct db_call *call)
{
	struct db_call *before = NULL, *next = pool->waiting.first;

	while (next && next->submitted < call->submitted) {
		before = next;
		next = next->links[BY_AGE].next;
	}
	queue_insert_after(&pool->waiting, before, call);
	queue_push_front(&pool->queue, call);
	wake(pool->db);
}

static void retry_or(struct pool *pool, struct db_call *call, struct problem p)
{
	if (call->tries < TRIES)
		wait_again(pool, call);
	else
		finish(pool, call, NULL, p);
}

static int64_t due(const struct pool *pool, const struct db_call *call)
{
	const int64_t last = call->submitted + pool->wait;

	if (pool->up > 0)
		return last;
	const int64_t since =
		call->submitted > pool->down_since ? call->submitted : pool->down_since;
	return since + AWAY_WAIT < last ? since + AWAY_WAIT : last;
}

static void watch_waiting(struct pool *pool)
{
	if (!pool->waiting.first)
		return;
	const int64_t at = due(pool, pool->waiting.first);
	if (!pool->overdue.place || at < pool->overdue.at)
		poller_set(pool->db->poller, &pool->overdue, at);
}

static void on_overdue(struct timer *t)
{
	struct pool *pool = POOL_OF(t, overdue);
	const int64_t now = monotonic_us();
	struct db_call *call;

	while ((call = pool->waiting.first) && due(pool, call) <= now) {
		queue_remove(&pool->waiting, call);
		if (call->queue == &pool->queue)
			queue_remove(&pool->queue, call);
		finish(pool, call, NULL, pool->up == 0 ? away : call->tries > 0 ? silent : no_lane);
	}
	watch_waiting(pool);
}

/* ---- answers --------------------------------------------------------------------- */

static void log_refusal(const struct db_call *call, const PGresult *res, struct problem p)
{
	const enum log_level level = p.code == PROBLEM_INTERNAL ? LOG_ERROR : LOG_WARN;

	log_line(level, "statement_failed", LOG_TEXT("statement", call->statement->name),
		 LOG_TEXT("sqlstate", PQresultErrorField(res, PG_DIAG_SQLSTATE)),
		 LOG_TEXT("why", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY)),
		 LOG_TEXT("detail", PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL)),
		 LOG_TEXT("where", PQresultErrorField(res, PG_DIAG_CONTEXT)));
}

static void judge(struct pool *pool, struct lane *lane, struct db_call *call, PGresult *res)
{
	const struct verdict *v = sqlstate_verdict(PQresultErrorField(res, PG_DIAG_SQLSTATE),
						   pool->plan.kind == LANE_WRITE);

	if (v->remedy == REMEDY_RENEW)
		lane_doom(lane, "the session has to be renewed");
	if (v->remedy == REMEDY_NONE || call->tries >= TRIES) {
		log_refusal(call, res, v->problem);
		finish(pool, call, res, v->problem);
		return;
	}
	PQclear(res);
	wait_again(pool, call);
}

static void list_ready(struct pool *pool, struct lane *lane)
{
	if (lane->listed || !lane_has_room(lane))
		return;
	lane->listed = true;
	lane->next = pool->ready;
	pool->ready = lane;
	if (pool->queue.first)
		wake(pool->db);
}

static void unlist_ready(struct pool *pool, struct lane *lane)
{
	struct lane **at = &pool->ready;

	if (!lane->listed)
		return;
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	lane->listed = false;
}

static void on_answered(struct lane *lane, struct db_call *call, PGresult *res)
{
	struct pool *pool = lane->owner;

	switch (PQresultStatus(res)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		finish(pool, call, res, NO_PROBLEM);
		break;
	case PGRES_PIPELINE_ABORTED: /* by a neighbour's error: not a try of its own */
		PQclear(res);
		call->tries--;
		wait_again(pool, call);
		break;
	default:
		judge(pool, lane, call, res);
	}
	list_ready(pool, lane);
}

/* ---- lanes ----------------------------------------------------------------------- */

/* xorshift64: spreads reconnections, nothing more. */
static int64_t jittered(struct db *db, int64_t us)
{
	db->random ^= db->random << 13;
	db->random ^= db->random >> 7;
	db->random ^= db->random << 17;
	return us - us / 4 + (int64_t)(db->random % (uint64_t)(us / 2 + 1));
}

static void back_off(struct pool *pool, int64_t now, bool was_stable)
{
	if (was_stable)
		pool->backoff = 0;
	else
		pool->backoff = pool->backoff ? pool->backoff * 2 : BACKOFF_FIRST;
	if (pool->backoff > BACKOFF_MOST)
		pool->backoff = BACKOFF_MOST;
	pool->retry_at = now + jittered(pool->db, pool->backoff);
}

/* From the last to the first, so that at the queue's front they keep their order. */
static void take_back(struct pool *pool, struct lane *lane, bool unsent)
{
	struct db_call *call;

	while ((call = lane->flight.last)) {
		queue_remove(&lane->flight, call);
		if (pool->plan.kind == LANE_WRITE && !unsent)
			finish(pool, call, NULL, unknown);
		else
			retry_or(pool, call, silent);
	}
}

static void on_lost(struct lane *lane, enum lane_state was, bool unsent, const char *why)
{
	struct pool *pool = lane->owner;
	const int64_t now = monotonic_us();

	/* An outage is one line, not one for each attempt. */
	log_line(pool->backoff ? LOG_DEBUG : LOG_WARN, "database_lane_lost",
		 LOG_TEXT("lane", kinds[pool->plan.kind].name), LOG_TEXT("why", why),
		 LOG_INT("in_flight", lane->flight.count));
	unlist_ready(pool, lane);
	lane->next = pool->away;
	pool->away = lane;
	if (was == LANE_UP) {
		pool->db->reconnects++;
		if (--pool->up == 0)
			pool->down_since = now;
	} else {
		pool->opening--;
	}
	back_off(pool, now, was == LANE_UP && now - lane->up_since >= STABLE);
	take_back(pool, lane, unsent);
	wake(pool->db);
}

static void on_up(struct lane *lane)
{
	struct pool *pool = lane->owner;

	pool->opening--;
	pool->up++;
	log_line(pool->backoff ? LOG_INFO : LOG_DEBUG, "database_lane_up",
		 LOG_TEXT("lane", kinds[pool->plan.kind].name));
	pool->backoff = 0;
	list_ready(pool, lane);
	wake(pool->db);
}

/* While connecting fails, one lane at a time tries. */
static bool needs_lane(const struct pool *pool)
{
	if (!pool->away || (pool->backoff && pool->opening))
		return false;
	return pool->up + pool->opening < pool->always || pool->queue.count > pool->opening;
}

static void open_lanes(struct pool *pool, int64_t now)
{
	while (needs_lane(pool)) {
		if (now < pool->retry_at) {
			poller_set(pool->db->poller, &pool->retry, pool->retry_at);
			return;
		}
		struct lane *lane = pool->away;
		pool->away = lane->next;
		pool->opening++;
		lane_open(lane);
	}
}

static void on_retry(struct timer *t)
{
	wake(POOL_OF(t, retry)->db);
}

static void send_queue(struct pool *pool, int64_t now)
{
	while (pool->queue.first && pool->ready) {
		struct lane *lane = pool->ready;
		struct db_call *call = pool->queue.first;

		queue_remove(&pool->queue, call);
		queue_remove(&pool->waiting, call);
		lane_send(lane, call, now);
		if (!lane_has_room(lane)) {
			unlist_ready(pool, lane);
			lane_flush(lane);
		}
	}
	if (pool->ready && pool->ready->dirty)
		lane_flush(pool->ready);
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
	for (int k = 0; k < LANE_KINDS; k++) {
		send_queue(&db->pools[k], now);
		open_lanes(&db->pools[k], now);
		watch_waiting(&db->pools[k]);
	}
}

/* ---- opening and closing --------------------------------------------------------- */

static bool read_conninfo(struct db *db, struct pool *pool, const char *text)
{
	const struct problem p =
		conninfo_read(db->arena, text, pool->plan.kind, &pool->plan.conninfo);

	if (p.code != PROBLEM_NONE) /* its detail may quote a password */
		log_line(LOG_ERROR, "database_url_unreadable");
	return p.code == PROBLEM_NONE;
}

static bool pool_init(struct pool *pool, struct db *db, enum lane_kind kind, int nlanes,
		      const struct db_options *o)
{
	*pool = (struct pool){
		.db = db,
		.plan = {.poller = db->poller,
			 .kind = kind,
			 .table = o->table,
			 .ntable = o->ntable,
			 .depth = kinds[kind].depth,
			 .unit = kinds[kind].unit,
			 .flight = kinds[kind].flight,
			 .up = on_up,
			 .answered = on_answered,
			 .lost = on_lost},
		.always = kinds[kind].always,
		.wait = kinds[kind].wait,
		.waiting.link = BY_AGE,
		.down_since = monotonic_us(),
		.overdue.expired = on_overdue,
		.retry.expired = on_retry,
	};
	if (kind == LANE_WRITE)
		pool->fair = fair_new(db->queue_limit + nlanes, nlanes > 1 ? nlanes / 2 : 1);
	pool->lanes = calloc((size_t)nlanes, sizeof(struct lane));
	if (!pool->lanes || (kind == LANE_WRITE && !pool->fair))
		return false;
	for (; pool->nlanes < nlanes; pool->nlanes++) {
		struct lane *lane = &pool->lanes[pool->nlanes];

		lane_init(lane, &pool->plan, pool);
		lane->next = pool->away;
		pool->away = lane;
	}
	return read_conninfo(db, pool, o->conninfo);
}

struct db *db_open(struct poller *p, const struct db_options *o)
{
	const int nlanes[LANE_KINDS] = {
		[LANE_READ] = 1,
		[LANE_SLOW] = o->slow_lanes > 0 ? o->slow_lanes : 2,
		[LANE_WRITE] = o->write_lanes > 0 ? o->write_lanes : 15,
	};
	struct db *db = calloc(1, sizeof(*db));
	bool good = db && (db->arena = arena_new(CONNINFO_ROOM));

	if (!db)
		return NULL;
	db->poller = p;
	db->queue_limit = o->queue_limit > 0 ? o->queue_limit : 1024;
	db->pump.expired = on_pump;
	if (getrandom(&db->random, sizeof(db->random), 0) != sizeof(db->random) || !db->random)
		db->random = (uint64_t)monotonic_us() | 1;
	for (enum lane_kind k = 0; good && k < LANE_KINDS; k++)
		good = pool_init(&db->pools[k], db, k, nlanes[k], o);
	if (good) {
		wake(db);
		return db;
	}
	db_close(db);
	return NULL;
}

static void end_flight(struct pool *pool, struct lane *lane)
{
	const bool changes = pool->plan.kind == LANE_WRITE && !lane->unsent;
	struct db_call *call;

	lane_free(lane);
	while ((call = lane->flight.first)) {
		queue_remove(&lane->flight, call);
		finish(pool, call, NULL, changes ? unknown : closed);
	}
}

static void pool_end(struct pool *pool)
{
	struct db_call *call;

	poller_cancel(pool->db->poller, &pool->overdue);
	poller_cancel(pool->db->poller, &pool->retry);
	for (int i = 0; i < pool->nlanes; i++)
		end_flight(pool, &pool->lanes[i]);
	while ((call = pool->waiting.first)) {
		queue_remove(&pool->waiting, call);
		if (call->queue == &pool->queue)
			queue_remove(&pool->queue, call);
		finish(pool, call, NULL, closed);
	}
}

static void pool_free(struct pool *pool)
{
	fair_free(pool->fair);
	free(pool->lanes);
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db->closing = true;
	poller_cancel(db->poller, &db->pump);
	for (int k = 0; k < LANE_KINDS; k++)
		if (db->pools[k].db)
			pool_end(&db->pools[k]);
	refuse(db, closed);
	/* Only now: whoever was told that a call ended may have asked for db_state(). */
	for (int k = 0; k < LANE_KINDS; k++)
		if (db->pools[k].db)
			pool_free(&db->pools[k]);
	arena_free(db->arena);
	free(db);
}

struct db_state db_state(const struct db *db)
{
	struct db_state s = {
		.ready = db->pools[LANE_READ].up > 0 && db->pools[LANE_WRITE].up > 0,
		.reconnects = db->reconnects,
	};

	for (int k = 0; k < LANE_KINDS; k++) {
		const struct pool *pool = &db->pools[k];

		s.lanes[k] = pool->up;
		s.waiting += pool->waiting.count;
		for (int i = 0; i < pool->nlanes; i++)
			s.busy[k] += pool->lanes[i].flight.count;
	}
	return s;
}
