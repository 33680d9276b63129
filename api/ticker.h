/* ticker.h - gives committed events their place in the one order readers see.
 *
 * Writers only put their event into a queue. A loop whose write has committed
 * wakes its ticker, which runs events/tick (any number of tickers may: one wins
 * the lock, the others do nothing). A poll on the first loop is the net.
 */
#ifndef HALLMARK_API_TICKER_H
#define HALLMARK_API_TICKER_H

#include <stdbool.h>

#include "base/poller.h"
#include "sql/db.h"

struct ticker {
	struct poller *poller;
	struct db *db;
	bool polls;
	struct timer timer;
	struct db_call call;
	struct arena *arena; /* of one tick's arguments */
	struct args args;
	bool running, again;
};

/* polls: it is the first loop's. False: out of memory. */
bool ticker_start(struct ticker *t, struct poller *poller, struct db *db, bool polls);
void ticker_close(struct ticker *t);
void ticker_wake(struct ticker *t); /* something was committed */

#endif
