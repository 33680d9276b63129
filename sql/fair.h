/* fair.h - shares the write lanes between keys, so that one busy model blocks no other.
 *
 * At most share calls of one key are let through at a time, to wait for a lane or
 * to be on one. The others stand in the key's own row; each that ends lets the
 * next one through, behind what waits by then. Calls with key 0 always pass.
 * Nothing is searched: keys in use sit in a hash table made once for all.
 */
#ifndef HALLMARK_SQL_FAIR_H
#define HALLMARK_SQL_FAIR_H

#include <stdbool.h>

#include "sql/queue.h"

struct fair;

/* keys: how many may be in use at once, one for each call that can be in. */
struct fair *fair_new(int keys, int share); /* NULL: out of memory */
void fair_free(struct fair *f);

/* True: the call is let through. False: it stands in its key's row now. */
bool fair_admit(struct fair *f, struct db_call *call);

/* A call has ended that was let through (in no row any more), or is taken out of
 * its key's row. Returns the call that is let through instead, or NULL. */
struct db_call *fair_release(struct fair *f, struct db_call *call);

#endif
