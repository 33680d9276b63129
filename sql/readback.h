/* readback.h - finds out what became of a change whose answer was lost.
 *
 * A change that was on its way when the connection broke may be made, or not, or be made
 * yet, because the server's process may still be at it. Every change writes an event
 * under its request's id in the same transaction, so the database knows:
 *   - there is such an event: it was made. A request id that a client chose may be another
 *     request's too, so then the event must also bear the mark, an id that the service
 *     made for this change alone;
 *   - there is none, asked after the statement's process was seen to be gone: it was not
 *     made and will not be. The same statement may be run again;
 *   - else nobody knows.
 * It is asked again and again until there is an answer, for a few seconds: meanwhile the
 * database may be starting anew, or another server take over. A change found made is
 * then as safe as one whose commit was answered (sql/events/made.sql).
 *
 * Behind a pooler of connections nobody can tell which process had the statement; there
 * an absent change stays unknown.
 */
#ifndef HALLMARK_SQL_READBACK_H
#define HALLMARK_SQL_READBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"
#include "sql/args.h"
#include "sql/db.h"

enum { READBACK_KIND = 64 };

enum readback_end { READBACK_UNKNOWN, READBACK_MADE, READBACK_NOT_MADE };

struct readback {
	struct poller *poller;
	struct db *db;
	const char *request_id; /* what the event was written under */
	bool unique;            /* the service has made it: no other request has the same */
	const char *mark;       /* NULL: the change leaves none */
	int64_t until;          /* monotonic_us(): when to give up */
	/* Called once, from the poller's turn. */
	void (*done)(struct readback *r, enum readback_end end);
	char kind[READBACK_KIND]; /* made: the event's */

	/* From here on its own. */
	struct db_call call;
	struct arena *arena; /* of one asking: whoever waits may have no room left in theirs */
	struct args args;
	struct timer timer;
	int backend;   /* of the statement that was lost */
	int64_t sent;  /* when it was */
	bool gone;     /* its process was seen to be */
	int64_t pause; /* until the next asking */
};

/* How long to ask for, in microseconds. */
enum { READBACK_PATIENCE = 6000000 };

/* lost: the call that has ended with OUTCOME_UNKNOWN. */
void readback_begin(struct readback *r, const struct db_call *lost);

/* Without a call of done(), when the database's lanes are closed: nothing is on its way then. */
void readback_drop(struct readback *r);

#endif
