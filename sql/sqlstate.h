/* sqlstate.h - what an error of PostgreSQL's means for the call and for its lane.
 *
 * Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
#ifndef HALLMARK_SQL_SQLSTATE_H
#define HALLMARK_SQL_SQLSTATE_H

#include <stdbool.h>

#include "base/problem.h"

enum remedy {
	REMEDY_NONE,  /* answer with the problem */
	REMEDY_RETRY, /* nothing was done, and the next time it may work */
	REMEDY_RENEW  /* nothing was done; this session will not do it, a new one will */
};

struct verdict {
	const char *state; /* five characters, or a class's first two */
	enum remedy remedy;
	bool writes;            /* holds where changes are meant to be made */
	struct problem problem; /* when there is no remedy, or it did not help */
};

/* Never NULL. writes: the session is one for changes. */
const struct verdict *sqlstate_verdict(const char *state, bool writes);

#endif
