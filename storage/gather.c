#include "storage/gather.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROOM = 512 * 1024,
	PAGE = 4096, /* a piece begins on a page, so that the store may write it directly */
};

struct gather {
	struct ingest *ingest;
	void (*done)(void *who, struct problem p);
	void *who;
	char *filling; /* NULL until there is something to fill it with */
	size_t room, filled;
	char *working[INGEST_DEPTH]; /* what ingest reads, oldest first */
	int nworking;
	char *spare[INGEST_DEPTH]; /* the one used last on top: it is in the processor's cache */
	int nspare;
	bool awaited;   /* we must call back */
	bool finishing; /* what is filled is the last of it */
	bool finish_sent;
	bool ended;
	struct problem problem;
};

static const struct problem no_memory = {.code = PROBLEM_BUSY,
					 .detail = "there is not enough memory at the moment"};

static void gather_free(struct gather *g)
{
	free(g->filling);
	while (g->nspare)
		free(g->spare[--g->nspare]);
	free(g);
}

static void hand_over(struct gather *g)
{
	char *full = g->filling;
	size_t len = g->filled;

	g->filling = NULL;
	g->filled = 0;
	g->working[g->nworking++] = full;
	ingest_piece(g->ingest, full, len);
}

static void take_back(struct gather *g)
{
	g->spare[g->nspare++] = g->working[0];
	memmove(g->working, g->working + 1, (size_t)--g->nworking * sizeof(g->working[0]));
}

static bool next_buffer(struct gather *g)
{
	g->filling = g->nspare ? g->spare[--g->nspare] : aligned_alloc(PAGE, g->room);
	return g->filling;
}

/* After a problem ingest answers the finish with it once more. */
static void finish(struct gather *g)
{
	if (g->filled && g->problem.code == PROBLEM_NONE)
		hand_over(g);
	g->finish_sent = true;
	ingest_finish(g->ingest);
}

static void on_ingested(void *who, struct problem p)
{
	struct gather *g = who;
	const bool last = !g->nworking; /* of the finish, which has no piece */

	if (!last)
		take_back(g);
	else
		g->finish_sent = false;
	if (g->ended) {
		if (!g->nworking && !g->finish_sent)
			gather_free(g);
		return;
	}
	g->problem = p;
	if (g->awaited && (last || !g->finishing)) {
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
		if (!g->filling && g->nworking == INGEST_DEPTH) {
			g->awaited = true;
			return NO_PROBLEM;
		}
		if (!g->filling && !next_buffer(g))
			return no_memory;
		size_t left = len - *taken, room = g->room - g->filled;
		size_t n = left < room ? left : room;
		memcpy(g->filling + g->filled, from + *taken, n);
		g->filled += n;
		*taken += n;
		if (g->filled == g->room)
			hand_over(g);
	}
	return g->problem;
}

void gather_finish(struct gather *g)
{
	g->finishing = g->awaited = true;
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
	if (!g->nworking && !g->finish_sent)
		gather_free(g);
}
