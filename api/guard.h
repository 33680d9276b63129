/* guard.h - a handler is left at once when the request's arena is full.
 *
 * Whatever runs on behalf of a request runs in here, so no handler has to look whether
 * memory was there. Jansson's memory is the request's arena meanwhile. Guarded calls
 * may nest; on a pool thread as on a loop.
 */
#ifndef HALLMARK_API_GUARD_H
#define HALLMARK_API_GUARD_H

#include "api/request.h"

/* For what an arena is first used for, before there is a request; false when fn was left. */
bool guard_began(struct arena *a, void (*fn)(void *what), void *what);

/* False when the arena was full and fn was left. */
bool guard_ran(struct request *rq, request_fn *fn);

/* The reply is 503 then. */
void guarded(struct request *rq, request_fn *fn);

#endif
