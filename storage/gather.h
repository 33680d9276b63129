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
 * offered. A buffer has 512 KiB, less when the upload is announced as smaller; an
 * upload holds up to INGEST_DEPTH of them, a slow one, which is never ahead of the
 * work, one or two.
 */
#ifndef HALLMARK_STORAGE_GATHER_H
#define HALLMARK_STORAGE_GATHER_H

#include "storage/ingest.h"

struct gather;

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
