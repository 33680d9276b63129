#include "api/ticker.h"

#include "base/failpoint.h"
#include "base/owner.h"
#include "base/timestamp.h"

/* A burst of writes shares a tick, because each costs a commit; the poll finds what other
 * replicas left. */
static const int64_t gather_us = 10000, poll_us = 50000;

enum { BATCH = 10000, ARENA = 64 * 1024, READY = 1024 };

static void ticked(struct db_call *call, const PGresult *res, struct problem p)
{
	struct ticker *t = OWNER_OF(call, struct ticker, call);
	int64_t now = monotonic_us();

	(void)res, (void)p; /* a failed tick is made up for by the next */
	FAILPOINT(TICK_ANSWERED);
	t->running = false;
	if (t->again)
		poller_set(t->poller, &t->timer, now + gather_us);
	else if (t->polls)
		poller_set(t->poller, &t->timer, now + poll_us);
}

static void tick(struct timer *timer)
{
	struct ticker *t = OWNER_OF(timer, struct ticker, timer);

	if (t->running) {
		t->again = true;
		return;
	}
	t->running = true;
	t->again = false;
	arena_reset(t->arena);
	t->args = args_new(t->arena);
	arg_int8(&t->args, BATCH);
	t->call = (struct db_call){
		.statement = &statements[STATEMENT_EVENTS_TICK], .args = &t->args, .done = ticked};
	db_submit(t->db, &t->call);
	FAILPOINT(TICK_QUEUED);
}

void ticker_wake(struct ticker *t)
{
	int64_t at = monotonic_us() + gather_us;

	if (t->running)
		t->again = true;
	else if (!t->timer.place || t->timer.at > at)
		poller_set(t->poller, &t->timer, at);
}

bool ticker_start(struct ticker *t, struct poller *poller, struct db *db, bool polls)
{
	*t = (struct ticker){.poller = poller,
			     .db = db,
			     .polls = polls,
			     .timer.expired = tick,
			     .arena = arena_new_warm(ARENA, READY)};
	if (!t->arena)
		return false;
	ticker_wake(t);
	return true;
}

void ticker_close(struct ticker *t)
{
	arena_free(t->arena);
}
