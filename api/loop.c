#include "api/loop.h"

#include <sodium.h>
#include <stdlib.h>

#include "api/strays.h"
#include "api/token_cache.h"

/* xorshift128+ (Vigna): only for ids that need not be guessed at. */
uint64_t loop_random(struct loop *loop)
{
	uint64_t x = loop->random[0];
	const uint64_t y = loop->random[1];

	loop->random[0] = y;
	x ^= x << 23;
	loop->random[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
	return loop->random[1] + y;
}

struct arena *loop_arena(struct loop *loop)
{
	if (loop->nspare > 0)
		return loop->spare[--loop->nspare];
	return arena_new((size_t)loop->service->options.request_memory);
}

void loop_arena_back(struct loop *loop, struct arena *a)
{
	if (loop->nspare == SPARE_ARENAS) {
		arena_free(a);
		return;
	}
	arena_reset(a);
	loop->spare[loop->nspare++] = a;
}

/* --- open and close --- */

static struct problem database_open(struct arena *a, struct loop *loop)
{
	const struct service_options *o = &loop->service->options;
	const struct db_options options = {
		.conninfo = o->conninfo,
		.table = statements,
		.ntable = STATEMENT_COUNT,
		.slow_lanes = o->slow_lanes > o->loops ? o->slow_lanes / o->loops : 1,
		.write_lanes = o->write_lanes > o->loops ? o->write_lanes / o->loops : 1,
		.newest = &loop->service->newest,
	};

	loop->db = db_open(loop->poller, &options);
	loop->lists = list_cache_new(STATEMENT_COUNT, 200);
	loop->strays =
		strays_new(loop->poller, loop->db, loop->service->store, loop->service->jobs);
	if (!loop->db || !loop->lists || !loop->strays)
		return problem(a, PROBLEM_INTERNAL, "the database's lanes could not be set up");
	return NO_PROBLEM;
}

struct problem loop_open(struct arena *a, struct service *s, int number, struct loop **out)
{
	struct loop *loop = *out = calloc(1, sizeof(*loop));

	if (!loop)
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	loop->service = s;
	loop->number = number;
	loop->listen_fd = -1;
	randombytes_buf(loop->random, sizeof(loop->random));
	loop->poller = poller_new();
	loop->mailbox = loop->poller ? mailbox_new(loop->poller) : NULL;
	loop->signer = loop->poller ? signer_new(loop->poller) : NULL;
	loop->tokens = token_cache_new();
	if (!loop->mailbox || !loop->signer || !loop->tokens)
		return problem(a, PROBLEM_INTERNAL, "out of memory or descriptors");
	TRY(metrics_open(a, &loop->metrics));
	TRY(database_open(a, loop));
	const struct keyring_ground ground = {
		.poller = loop->poller,
		.db = loop->db,
		.signer = loop->signer,
		.replica = number == 0 ? s->replica : NULL,
		.unready = &s->unready[number],
	};
	atomic_store(ground.unready, "the service is starting");
	if (!keyring_start(&loop->keyring, &ground) ||
	    !ticker_start(&loop->ticker, loop->poller, loop->db, number == 0))
		return problem(a, PROBLEM_INTERNAL, "out of memory");
	return NO_PROBLEM;
}

/* Jobs outlive their request when the client hangs up. */
bool loop_busy(const struct loop *loop)
{
	return loop->requests > 0 || mailbox_awaits(loop->mailbox) > 0;
}

void loop_close(struct loop *loop)
{
	if (loop->db)
		db_close(loop->db);
	strays_free(loop->strays);
	list_cache_free(loop->lists);
	signer_free(loop->signer);
	if (loop->mailbox)
		mailbox_free(loop->mailbox);
	token_cache_free(loop->tokens);
	while (loop->nspare > 0)
		arena_free(loop->spare[--loop->nspare]);
	keyring_close(&loop->keyring);
	ticker_close(&loop->ticker);
	metrics_close(&loop->metrics);
	poller_free(loop->poller);
	free(loop);
}
