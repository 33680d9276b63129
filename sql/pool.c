#include "sql/pool.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "sql/sqlstate.h"

#define MS     INT64_C(1000)
#define SECOND (1000 * MS)

#define BACKOFF_FIRST (20 * MS)
#define BACKOFF_MOST  (250 * MS)
#define PATIENCE      (400 * MS)   /* with a lane that is being opened, before knocking elsewhere */
#define AWAY_WAIT     (1 * SECOND) /* how long a call waits while nothing can connect */
#define STABLE        (1 * SECOND) /* a lane that was up for this long may reconnect at once */

enum { TRIES = 3, SHARED_UNIT = 16, TWINS_OF = 16, KNOCKERS = 3 };

/* A unit shares one sync, and so one transaction, one send and one answer of the
 * server's: with 8 reads in it a lane does twice the look-ups of one that syncs after
 * each (tests/bench/db_lane.c). An error takes down its whole unit; the reads beside it
 * are simply sent again. wait + flight is the promise of sql/db.h; a shared call that has
 * to go on alone keeps its age. */
static const struct kind {
	const char *name;
	int depth, unit, always;
	bool changes;
	int64_t wait, flight;
} kinds[LANE_KINDS] = {
	[LANE_READ] = {"read", 4096, 8, 1, false, 1 * SECOND, 1 * SECOND},
	[LANE_SLOW] = {"slow", 1, 1, 0, false, 2500 * MS, 5500 * MS},
	[LANE_WRITE] = {"write", 1, 1, 1, true, 4 * SECOND, 6 * SECOND},
	[LANE_SHARED] = {"shared", SHARED_UNIT, SHARED_UNIT, 1, true, 4 * SECOND, 6 * SECOND},
};

static const struct problem no_lane = {
	.code = PROBLEM_BUSY,
	.detail = "the database had no time for this request; try again in a second"};
static const struct problem away = {
	.code = PROBLEM_UNAVAILABLE,
	.detail = "the database cannot be reached; try again in a few seconds"};
static const struct problem read_only = {
	.code = PROBLEM_UNAVAILABLE,
	.detail = "the database takes no changes right now; try again in a few seconds"};
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

static void wake(struct pool *pool)
{
	if (!pool->pump->place && !pool->closing)
		poller_set(pool->plan.poller, pool->pump, monotonic_us());
}

/* ---- calls ----------------------------------------------------------------------- */

/* The call is in no row any more, but perhaps its key's. */
static void finish(struct pool *pool, struct db_call *call, PGresult *res, struct problem p)
{
	struct db_call *next = pool->fair ? fair_release(pool->fair, call) : NULL;

	if (next) {
		queue_push(&pool->queue, next);
		wake(pool);
	}
	while (call) {
		struct db_call *twin = call->twin; /* done() may free the call */

		call->done(call, p.code == PROBLEM_NONE ? res : NULL, p);
		call = twin;
	}
	PQclear(res);
}

/* Among those that wait, where its age belongs; the search is from the end, where most go. */
static void wait_by_age(struct pool *pool, struct db_call *call)
{
	struct db_call *before = pool->waiting.last;

	while (before && before->submitted > call->submitted)
		before = before->links[BY_AGE].prev;
	queue_insert_after(&pool->waiting, before, call);
	wake(pool);
}

void pool_submit(struct pool *pool, struct db_call *call)
{
	call->tries = 0;
	call->queue = NULL;
	call->fair = NULL;
	call->twin = NULL;
	wait_by_age(pool, call);
	if (!pool->fair || fair_admit(pool->fair, call))
		queue_push(&pool->queue, call);
}

/* Back to the front; its key's place it still has. */
static void wait_again(struct pool *pool, struct db_call *call)
{
	wait_by_age(pool, call);
	queue_push_front(&pool->queue, call);
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
		poller_set(pool->plan.poller, &pool->overdue, at);
}

static struct problem why_overdue(const struct pool *pool, const struct db_call *call)
{
	if (pool->up == 0)
		return pool->read_only && pool->lead->up > 0 ? read_only : away;
	return call->tries > 0 ? silent : no_lane;
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
		finish(pool, call, NULL, why_overdue(pool, call));
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

/* What is true of one session is true of those that were opened with it. */
static void renew(struct pool *pool, struct lane *lane)
{
	lane_doom(lane, "the session has to be renewed");
	pool->renew = true;
	wake(pool);
}

static void judge(struct pool *pool, struct lane *lane, struct db_call *call, PGresult *res)
{
	if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED) { /* by a neighbour: no try of its own */
		PQclear(res);
		call->tries--;
		wait_again(pool, call);
		return;
	}
	const struct verdict *v = sqlstate_verdict(PQresultErrorField(res, PG_DIAG_SQLSTATE),
						   kinds[pool->plan.kind].changes);

	if (v->remedy == REMEDY_RENEW)
		renew(pool, lane);
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
		wake(pool);
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

/* Nothing of the unit was done. res is the error, for the call that had it. */
static void part(struct pool *pool, struct lane *lane, struct db_call *call, PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (res && sqlstate_verdict(state, true)->remedy == REMEDY_RENEW)
		renew(pool, lane);
	if (res)
		log_line(LOG_DEBUG, "database_unit_parted",
			 LOG_TEXT("statement", call->statement->name), LOG_TEXT("sqlstate", state));
	PQclear(res);
	if (pool_is_full(pool->alone))
		finish(pool, call, NULL, no_lane);
	else
		pool_submit(pool->alone, call);
}

static void on_answered(struct lane *lane, struct db_call *call, PGresult *res)
{
	struct pool *pool = lane->owner;

	FAILPOINT(STATEMENT_ANSWERED);
	switch (PQresultStatus(res)) { /* of NULL: an error */
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		finish(pool, call, res, NO_PROBLEM);
		break;
	default:
		if (pool->alone)
			part(pool, lane, call, res);
		else
			judge(pool, lane, call, res);
	}
	list_ready(pool, lane);
}

/* ---- lanes ----------------------------------------------------------------------- */

/* xorshift64: spreads reconnections, nothing more. */
static int64_t jittered(struct pool *pool, int64_t us)
{
	pool->random ^= pool->random << 13;
	pool->random ^= pool->random >> 7;
	pool->random ^= pool->random << 17;
	return us - us / 4 + (int64_t)(pool->random % (uint64_t)(us / 2 + 1));
}

/* The first trouble; how it goes on is the knocking's. */
static void begin_knocking(struct pool *pool, int64_t now)
{
	if (pool->backoff)
		return;
	pool->backoff = BACKOFF_FIRST;
	pool->retry_at = now + jittered(pool, BACKOFF_FIRST);
}

static void back_off(struct pool *pool, int64_t now)
{
	pool->retry_at = now + jittered(pool, pool->backoff);
	pool->backoff *= 2;
	if (pool->backoff > BACKOFF_MOST)
		pool->backoff = BACKOFF_MOST;
}

/* From the last to the first, so that at the queue's front they keep their order. */
static void take_back(struct pool *pool, struct lane *lane, bool unsent)
{
	struct db_call *call;

	while ((call = lane->flight.last)) {
		queue_remove(&lane->flight, call);
		if (kinds[pool->plan.kind].changes && !unsent)
			finish(pool, call, NULL, unknown);
		else
			retry_or(pool, call, silent);
	}
}

/* An outage is one line, not one for each attempt, and one more for what is known of it. */
static bool is_news(const struct pool *pool, const struct lane *lane)
{
	return !pool->backoff || (lane->refused && !pool->read_only) ||
	       (lane->behind && !pool->behind);
}

static void on_lost(struct lane *lane, enum lane_state was, bool unsent, const char *why)
{
	struct pool *pool = lane->owner;
	const int64_t now = monotonic_us();

	log_line(is_news(pool, lane) ? LOG_WARN : LOG_DEBUG, "database_lane_lost",
		 LOG_TEXT("lane", kinds[pool->plan.kind].name), LOG_TEXT("why", why),
		 LOG_INT("in_flight", lane->flight.count));
	unlist_ready(pool, lane);
	lane->next = pool->away;
	pool->away = lane;
	if (was == LANE_UP) {
		pool->reconnects++;
		if (--pool->up == 0)
			pool->down_since = now;
	} else {
		pool->opening--;
		pool->read_only |= lane->refused;
		pool->behind |= lane->behind;
	}
	if (was != LANE_UP || lane->late || now - lane->up_since < STABLE)
		begin_knocking(pool, now);
	take_back(pool, lane, unsent);
	wake(pool);
}

static void on_up(struct lane *lane)
{
	struct pool *pool = lane->owner;

	pool->opening--;
	pool->up++;
	log_line(pool->backoff ? LOG_INFO : LOG_DEBUG, "database_lane_up",
		 LOG_TEXT("lane", kinds[pool->plan.kind].name));
	pool->backoff = 0;
	pool->ups++;
	pool->read_only = pool->behind = false;
	*pool->home = lane->host;
	list_ready(pool, lane);
	wake(pool);
}

/* Closes idle lanes until so many are up. In the middle of answers none may be. */
static void end_idle(struct pool *pool, int most)
{
	for (int i = 0; i < pool->nlanes && pool->up > most; i++) {
		struct lane *lane = &pool->lanes[i];

		if (lane->state != LANE_UP || lane->flight.count || lane->held.count)
			continue;
		unlist_ready(pool, lane);
		lane_close(lane);
		lane->next = pool->away;
		pool->away = lane;
		if (--pool->up == 0)
			pool->down_since = monotonic_us();
	}
}

/* After a failover: lanes of the server that was primary before, which may still answer. */
static void end_behind(struct pool *pool)
{
	const uint64_t newest = atomic_load(pool->plan.newest);

	if (newest == pool->newest)
		return;
	pool->newest = newest;
	for (int i = 0; i < pool->nlanes; i++) {
		struct lane *lane = &pool->lanes[i];

		if (lane->state == LANE_UP && lane_is_behind(lane))
			lane_end(lane, "a standby was promoted in its server's place");
	}
}

static void end_what_is_due(struct pool *pool)
{
	end_behind(pool);
	if (pool->renew)
		end_idle(pool, 0);
	pool->renew = false;
	end_idle(pool,
		 pool->cap); /* what knocked at several doors may be let in at more than one */
}

static bool needs_lane(const struct pool *pool)
{
	if (!pool->away || pool->up + pool->opening >= pool->cap)
		return false;
	return pool->up + pool->opening < pool->always || pool->queue.count > pool->opening;
}

static void open_at(struct pool *pool, int host, bool hurry)
{
	struct lane *lane = pool->away;

	pool->away = lane->next;
	pool->opening++;
	lane_open(lane, host, hurry);
}

static int count_opening(const struct pool *pool, int host)
{
	int n = 0;

	for (int i = 0; i < pool->nlanes; i++) {
		const struct lane *lane = &pool->lanes[i];

		n += lane->host == host &&
		     (lane->state == LANE_CONNECTING || lane->state == LANE_PREPARING);
	}
	return n;
}

/* Once at each host. Where a lane has been knocking since, others do so in a hurry: the first
 * packet to a machine that is away is sent again after a second, then two, then four, and
 * only who begins anew meets it when it comes back. The first lane goes on: it may be trying
 * the addresses of a name, one after another. */
static void knock(struct pool *pool, int64_t now)
{
	const int hosts = pool->plan.conninfo.hosts;

	back_off(pool, now);
	for (int i = 0; i < hosts && pool->away; i++) {
		const int host = (*pool->home + pool->turn + i) % hosts;
		const int n = count_opening(pool, host);

		if (n < KNOCKERS)
			open_at(pool, host, n > 0);
	}
	pool->turn++;
}

/* A lead that has come up is the news that a server is there. */
static bool waits_for_lead(struct pool *pool, int64_t now)
{
	if (!pool->lead)
		return false;
	if (pool->lead->ups != pool->followed && pool->backoff)
		pool->retry_at = now;
	pool->followed = pool->lead->ups;
	return pool->backoff && pool->lead->up == 0;
}

static bool wants_lane(const struct pool *pool)
{
	return pool->up < pool->always || pool->queue.count > 0;
}

static void open_lanes(struct pool *pool, int64_t now)
{
	if (!wants_lane(pool) || waits_for_lead(pool, now))
		return;
	if (pool->backoff == 0 && needs_lane(pool)) {
		pool->retry_at = now + PATIENCE;
		while (pool->backoff == 0 && needs_lane(pool))
			open_at(pool, *pool->home, false);
	}
	if (now >= pool->retry_at && (pool->backoff || pool->opening)) {
		begin_knocking(pool, now);
		knock(pool, now);
	}
	if (pool->backoff || pool->opening)
		poller_set(pool->plan.poller, &pool->retry, pool->retry_at);
}

static void on_retry(struct timer *t)
{
	wake(POOL_OF(t, retry));
}

static struct db_call *next_call(struct pool *pool)
{
	struct db_call *call = pool->queue.first;

	queue_remove(&pool->queue, call);
	queue_remove(&pool->waiting, call);
	return call;
}

/* In the order of the keys; calls of one key keep theirs. */
static void send_unit(struct pool *pool, struct lane *lane, int64_t now)
{
	struct db_call *unit[SHARED_UNIT];
	int n = 0;

	while (n < SHARED_UNIT && pool->queue.first) {
		struct db_call *call = next_call(pool);
		int at = n++;

		for (; at > 0 && unit[at - 1]->key > call->key; at--)
			unit[at] = unit[at - 1];
		unit[at] = call;
	}
	for (int i = 0; i < n; i++)
		lane_send(lane, unit[i], now);
	unlist_ready(pool, lane);
	lane_flush(lane);
}

/* What was sent last in this turn; everything that still waits had come before that. */
struct asked {
	int n;
	struct {
		uint64_t hash;
		struct db_call *call, *last; /* and the last of its twins */
	} recent[TWINS_OF];
};

static struct db_call *last_twin(struct db_call *call)
{
	while (call->twin)
		call = call->twin;
	return call;
}

static bool asks_the_same(const struct db_call *a, const struct db_call *b)
{
	return a->statement == b->statement && (!a->args || args_equal(a->args, b->args));
}

/* True: the call is a twin of one that is on its way. It may have twins itself when it is
 * sent again. */
static bool is_twin(struct asked *asked, struct db_call *call)
{
	const uint64_t hash = call->args ? args_hash(call->args) : 0;

	for (int i = 0; i < asked->n && i < TWINS_OF; i++) {
		if (asked->recent[i].hash != hash || !asks_the_same(asked->recent[i].call, call))
			continue;
		asked->recent[i].last->twin = call;
		asked->recent[i].last = last_twin(call);
		return true;
	}
	const int place = asked->n++ % TWINS_OF;
	asked->recent[place].hash = hash;
	asked->recent[place].call = call;
	asked->recent[place].last = last_twin(call);
	return false;
}

static void send_one(struct pool *pool, struct lane *lane, struct asked *asked, int64_t now)
{
	struct db_call *call = next_call(pool);

	if (pool->plan.kind == LANE_READ && is_twin(asked, call))
		return;
	lane_send(lane, call, now);
	if (!lane_has_room(lane)) {
		unlist_ready(pool, lane);
		lane_flush(lane);
		asked->n = 0; /* when the lane is lost, its calls may have ended */
	}
}

void pool_pump(struct pool *pool, int64_t now)
{
	struct asked asked = {.n = 0};

	end_what_is_due(pool);
	while (pool->queue.first && pool->ready) {
		if (pool->alone)
			send_unit(pool, pool->ready, now);
		else
			send_one(pool, pool->ready, &asked, now);
	}
	if (pool->ready && pool->ready->dirty)
		lane_flush(pool->ready);
	open_lanes(pool, now);
	watch_waiting(pool);
}

/* ---- opening and closing --------------------------------------------------------- */

bool pool_init(struct pool *pool, const struct pool_options *o)
{
	const struct kind *kind = &kinds[o->kind];
	const int all = o->nlanes + (o->lead ? 0 : KNOCKERS * o->conninfo.hosts - 1);

	*pool = (struct pool){
		.plan = {.poller = o->poller,
			 .kind = o->kind,
			 .conninfo = o->conninfo,
			 .table = o->table,
			 .ntable = o->ntable,
			 .depth = kind->depth,
			 .unit = kind->unit,
			 .together = o->alone != NULL,
			 .flight = kind->flight,
			 .newest = o->newest,
			 .up = on_up,
			 .answered = on_answered,
			 .lost = on_lost},
		.pump = o->pump,
		.alone = o->alone,
		.lead = o->lead,
		.home = o->home,
		.cap = o->nlanes,
		.most = o->most,
		.always = kind->always,
		.wait = kind->wait,
		.waiting.link = BY_AGE,
		.down_since = monotonic_us(),
		.overdue.expired = on_overdue,
		.retry.expired = on_retry,
	};
	if (getrandom(&pool->random, sizeof(pool->random), 0) != sizeof(pool->random) ||
	    !pool->random)
		pool->random = (uint64_t)monotonic_us() | 1;
	if (o->kind == LANE_WRITE)
		pool->fair = fair_new(o->most + o->nlanes, o->nlanes > 1 ? o->nlanes / 2 : 1);
	pool->lanes = calloc((size_t)all, sizeof(struct lane));
	if (!pool->lanes || (o->kind == LANE_WRITE && !pool->fair))
		return false;
	for (; pool->nlanes < all; pool->nlanes++) {
		struct lane *lane = &pool->lanes[pool->nlanes];

		lane_init(lane, &pool->plan, pool);
		lane->next = pool->away;
		pool->away = lane;
	}
	return true;
}

int pool_busy(const struct pool *pool)
{
	int busy = 0;

	for (int i = 0; i < pool->nlanes; i++)
		busy += pool->lanes[i].flight.count;
	return busy;
}

static void end_flight(struct pool *pool, struct lane *lane)
{
	const bool changes = kinds[pool->plan.kind].changes && !lane->unsent;
	struct db_call *call;

	lane_free(lane);
	while ((call = lane->flight.first)) {
		queue_remove(&lane->flight, call);
		finish(pool, call, NULL, changes ? unknown : closed);
	}
}

void pool_end(struct pool *pool)
{
	struct db_call *call;

	pool->closing = true;
	poller_cancel(pool->plan.poller, &pool->overdue);
	poller_cancel(pool->plan.poller, &pool->retry);
	for (int i = 0; i < pool->nlanes; i++)
		end_flight(pool, &pool->lanes[i]);
	while ((call = pool->waiting.first)) {
		queue_remove(&pool->waiting, call);
		if (call->queue == &pool->queue)
			queue_remove(&pool->queue, call);
		finish(pool, call, NULL, closed);
	}
}

void pool_free(struct pool *pool)
{
	fair_free(pool->fair);
	free(pool->lanes);
}
