/* gather.h - small pieces of a body become large ones on their way into ingest.
 *
 * The network gives a body in pieces of some KiB; a job for each would cost more
 * than the hashing. So the loop copies them into a large buffer while ingest
 * works on those that are full, and reading goes on meanwhile:
 *
 *	g = gather_begin(&plan);
 *	gather_take(g, data, len, &taken);	again and again
 *	gather_finish(g);	… done() …	gather_result(g)
 *	gather_end(g);
 *
 * plan.done is called on the loop, never from within a call: once after
 * gather_finish(), and once after each gather_take() that took less than it was
 * offered.
 *
 * A buffer has 8 KiB at first; what is announced as 32 KiB or less goes in one piece.
 * One that was full in 50 ms makes the next larger, up to 512 KiB, one that took more
 * than 200 ms makes it smaller again: a thousand slow uploads hold little more than
 * four fast ones. An upload holds up to INGEST_DEPTH of them; one that is slower than
 * the work, one or two. All uploads of the process share GATHER_BUDGET: the less is
 * left of it, the smaller are new buffers. The smallest are always to be had.
 */
#ifndef HALLMARK_STORAGE_GATHER_H
#define HALLMARK_STORAGE_GATHER_H

#include "storage/ingest.h"

struct gather;

enum { GATHER_BUDGET = 64 * 1024 * 1024 };

/* Bytes of all buffers of the process. */
size_t gather_held(void);

/* NULL when memory is out. */
struct gather *gather_begin(const struct ingest_plan *plan);

/* The problem is that of a piece taken earlier, its detail lives until gather_end(). When less
 * than len is taken, all buffers are full: offer the rest again when done() has come. */
struct problem gather_take(struct gather *g, const void *data, size_t len,
			   size_t *taken) MUST_CHECK;

void gather_finish(struct gather *g);

const struct ingest_result *gather_result(const struct gather *g);

/* Every upload ends with this, at any moment; done() does not come any more. Unless its
 * finish has been answered, what was written is removed. */
void gather_end(struct gather *g);

#endif
