#include "storage/gather.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"

enum {
	ROOM_LEAST = 8 * 1024,
	ROOM_SMALL = 32 * 1024, /* an upload announced as no larger goes in one piece */
	ROOM_MOST = 512 * 1024,
	PAGE = 4096,   /* a piece begins on a page, so that the store may write it directly */
	SHARE_OF = 16, /* a buffer is no more than this part of what is left of the budget */
};

/* For a buffer to be full. */
static const int64_t at_once_us = 5000, fast_us = 50000, slow_us = 200000;

struct buffer {
	char *data; /* NULL: none */
	size_t room;
};

struct gather {
	struct ingest *ingest;
	void (*done)(void *who, struct problem p);
	void *who;
	struct buffer filling; /* none until there is something to fill it with */
	size_t filled;
	size_t room, most;                   /* of the next buffer; of any */
	int64_t since;                       /* when the one before was full */
	struct buffer working[INGEST_DEPTH]; /* what ingest reads, oldest first */
	int nworking;
	struct buffer
		spare[INGEST_DEPTH]; /* the last used on top: it is in the processor's cache */
	int nspare;
	bool awaited;   /* we must call back */
	bool finishing; /* what is filled is the last of it */
	bool finish_sent;
	bool ended;
	struct problem problem;
};

static const struct problem no_memory = {.code = PROBLEM_BUSY,
					 .detail = "there is not enough memory at the moment"};

/* ---- buffers ---------------------------------------------------------------------- */

static atomic_size_t held;

size_t gather_held(void)
{
	return atomic_load_explicit(&held, memory_order_relaxed);
}

static bool buffer_take(struct buffer *b, size_t room)
{
	*b = (struct buffer){aligned_alloc(PAGE, room), room};
	if (b->data)
		atomic_fetch_add_explicit(&held, room, memory_order_relaxed);
	return b->data;
}

static void buffer_free(struct buffer *b)
{
	if (b->data)
		atomic_fetch_sub_explicit(&held, b->room, memory_order_relaxed);
	free(b->data);
	b->data = NULL;
}

static void spares_free(struct gather *g)
{
	while (g->nspare)
		buffer_free(&g->spare[--g->nspare]);
}

static void gather_free(struct gather *g)
{
	buffer_free(&g->filling);
	spares_free(g);
	free(g);
}

static size_t half(size_t room)
{
	return room / 2 / PAGE * PAGE;
}

static size_t room_within_budget(size_t room)
{
	const size_t taken = gather_held();
	const size_t share = taken < GATHER_BUDGET ? (GATHER_BUDGET - taken) / SHARE_OF : 0;

	while (room > share && room > ROOM_LEAST)
		room = half(room);
	return room > ROOM_LEAST ? room : ROOM_LEAST;
}

/* By how long the last one took to fill; spares of another size are of no use then. */
static void choose_room(struct gather *g)
{
	const int64_t now = monotonic_us(), took = now - g->since;
	size_t room = g->room;

	g->since = now;
	if (took < fast_us)
		room *= took < at_once_us ? 4 : 2;
	else if (took > slow_us)
		room = half(room);
	room = room_within_budget(room < g->most ? room : g->most);
	if (room != g->room)
		spares_free(g);
	g->room = room;
}

static void hand_over(struct gather *g)
{
	const struct buffer full = g->filling;
	const size_t len = g->filled;

	g->filling.data = NULL;
	g->filled = 0;
	g->working[g->nworking++] = full;
	ingest_piece(g->ingest, full.data, len);
}

static void take_back(struct gather *g)
{
	struct buffer done = g->working[0];

	memmove(g->working, g->working + 1, (size_t)--g->nworking * sizeof(g->working[0]));
	if (done.room == g->room)
		g->spare[g->nspare++] = done;
	else
		buffer_free(&done);
}

static bool next_buffer(struct gather *g)
{
	if (!g->nspare)
		return buffer_take(&g->filling, g->room);
	g->filling = g->spare[--g->nspare];
	return true;
}

/* ---- the upload ------------------------------------------------------------------- */

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

static size_t most_for(int64_t length)
{
	if (length <= 0 || length > ROOM_MOST)
		return ROOM_MOST;
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
	g->most = most_for(plan->length);
	g->room = g->most <= ROOM_SMALL ? g->most : ROOM_LEAST;
	g->since = monotonic_us();
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
		if (!g->filling.data && g->nworking == INGEST_DEPTH) {
			g->awaited = true;
			return NO_PROBLEM;
		}
		if (!g->filling.data && !next_buffer(g))
			return no_memory;
		size_t left = len - *taken, room = g->filling.room - g->filled;
		size_t n = left < room ? left : room;
		memcpy(g->filling.data + g->filled, from + *taken, n);
		g->filled += n;
		*taken += n;
		if (g->filled == g->filling.room) {
			choose_room(g);
			hand_over(g);
		}
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
