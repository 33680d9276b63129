#include "storage/gather.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROOM = 256 * 1024,
	PAGE = 4096, /* a piece begins on a page, so that the store may write it directly */
};

struct gather {
	struct ingest *ingest;
	void (*done)(void *who, struct problem p);
	void *who;
	char *filling, *working; /* NULL until needed; ingest reads working while busy */
	size_t room, filled;
	bool busy;      /* ingest will call back */
	bool awaited;   /* and so must we */
	bool finishing; /* what is filled is the last of it */
	bool ended;
	struct problem problem;
};

static const struct problem no_memory = {.code = PROBLEM_BUSY,
					 .detail = "there is not enough memory at the moment"};

static void gather_free(struct gather *g)
{
	free(g->filling);
	free(g->working);
	free(g);
}

static void hand_over(struct gather *g)
{
	char *full = g->filling;
	size_t len = g->filled;

	g->filling = g->working;
	g->working = full;
	g->filled = 0;
	g->busy = true;
	ingest_piece(g->ingest, full, len);
}

/* After a problem ingest answers the finish with it once more. */
static void finish(struct gather *g)
{
	if (g->filled && g->problem.code == PROBLEM_NONE) {
		hand_over(g);
		return;
	}
	g->finishing = false;
	g->busy = true;
	ingest_finish(g->ingest);
}

static void on_ingested(void *who, struct problem p)
{
	struct gather *g = who;

	g->busy = false;
	if (g->ended) {
		gather_free(g);
		return;
	}
	g->problem = p;
	if (g->finishing) {
		finish(g);
		return;
	}
	if (g->filled == g->room && p.code == PROBLEM_NONE)
		hand_over(g);
	if (g->awaited) {
		g->awaited = false;
		g->done(g->who, p);
	}
}

static size_t room_for(int64_t length)
{
	if (length <= 0 || length > ROOM)
		return ROOM;
	return ((size_t)length + PAGE - 1) / PAGE * PAGE;
}

struct gather *gather_begin(const struct ingest_plan *plan)
{
	struct gather *g = calloc(1, sizeof(*g));
	struct ingest_plan inner = *plan;

	if (!g)
		return NULL;
	inner.done = on_ingested;
	inner.who = g;
	g->done = plan->done;
	g->who = plan->who;
	g->room = room_for(plan->length);
	g->ingest = ingest_begin(&inner);
	if (g->ingest)
		return g;
	free(g);
	return NULL;
}

struct problem gather_take(struct gather *g, const void *data, size_t len, size_t *taken)
{
	const char *from = data;

	*taken = 0;
	while (len > *taken && g->problem.code == PROBLEM_NONE) {
		size_t left = len - *taken, room = g->room - g->filled;
		size_t n = left < room ? left : room;

		if (!n) { /* still full: ingest is at the other one */
			g->awaited = true;
			return NO_PROBLEM;
		}
		if (!g->filling && !(g->filling = aligned_alloc(PAGE, g->room)))
			return no_memory;
		memcpy(g->filling + g->filled, from + *taken, n);
		g->filled += n;
		*taken += n;
		if (g->filled == g->room && !g->busy)
			hand_over(g);
	}
	return g->problem;
}

void gather_finish(struct gather *g)
{
	g->finishing = g->awaited = true;
	if (!g->busy)
		finish(g);
}

const struct ingest_result *gather_result(const struct gather *g)
{
	return ingest_result(g->ingest);
}

void gather_end(struct gather *g)
{
	if (!g)
		return;
	g->ended = true;
	ingest_end(g->ingest);
	if (!g->busy)
		gather_free(g);
}
