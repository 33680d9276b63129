/* strays.h - stored bytes of which nobody could tell in time whether a row names them.
 *
 * An upload whose row was lost on its way (sql/readback.h) leaves its bytes in the store: a
 * file too many is better than a lost one. Long after its client was answered they are
 * asked for, until the database says that there is no such row, which removes them, or that
 * there is one. What is not known when the service ends is an orphan for the next search.
 */
#ifndef HALLMARK_API_STRAYS_H
#define HALLMARK_API_STRAYS_H

#include "base/jobs.h"
#include "base/poller.h"
#include "sql/readback.h"
#include "storage/store.h"

struct strays;

struct strays *strays_new(struct poller *poller, struct db *db, struct store *store,
			  struct jobs *jobs); /* NULL: out of memory */
void strays_free(struct strays *s);           /* behind db_close() */

/* asked: what could not be answered; its mark is the storage key. Copied. */
void strays_add(struct strays *s, const struct readback *asked);

#endif
