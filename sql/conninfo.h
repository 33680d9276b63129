/* conninfo.h - the operator's connection string, and what each kind of lane adds.
 *
 * Keyword strings and URIs are both read by libpq itself. What the operator wrote
 * wins, but for the limits of the lane, which go behind the operator's "options".
 * A string that says nothing of it asks for a server that takes writes, so that a
 * list of hosts finds the primary after a failover.
 */
#ifndef HALLMARK_SQL_CONNINFO_H
#define HALLMARK_SQL_CONNINFO_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/problem.h"
#include "sql/statement.h"

struct conninfo {
	const char *const *keywords, *const *values; /* for PQconnectStartParams() */
	int hosts;                                   /* how many the string names, at least 1 */
};

/* Everything in out is the arena's. INVALID when the string cannot be read; the
 * detail is libpq's and may quote the string: not for logs. */
struct problem conninfo_read(struct arena *a, const char *text, enum lane_kind kind,
			     struct conninfo *out) MUST_CHECK;

#endif
