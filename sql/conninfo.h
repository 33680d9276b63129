/* conninfo.h - the operator's connection string, and what each kind of lane adds.
 *
 * Keyword strings and URIs are both read by libpq itself. What the operator wrote
 * wins, but for the limits of the lane, which go behind the operator's "options".
 *
 * Of several hosts each has its parameters for itself, because libpq would try them one
 * after another, and one that says nothing would hold up the rest. A string that says
 * nothing of it, or target_session_attrs=read-write, wants the primary: lanes for changes
 * want it to take them, lanes that read go on with one that is read-only for a while.
 */
#ifndef HALLMARK_SQL_CONNINFO_H
#define HALLMARK_SQL_CONNINFO_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/problem.h"
#include "sql/statement.h"

struct conninfo {
	const char *const *keywords;      /* for PQconnectStartParams() */
	const char *const *const *values; /* of each host, in the operator's order */
	int hosts;                        /* how many the string names, at least 1 */
	bool primary;                     /* no standby will do */
	bool changes;                     /* nor a primary that takes no changes */
};

/* Everything in out is the arena's. INVALID when the string cannot be read; the
 * detail is libpq's and may quote the string: not for logs. */
struct problem conninfo_read(struct arena *a, const char *text, enum lane_kind kind,
			     struct conninfo *out) MUST_CHECK;

/* What a connection beside the lanes asks for as target_session_attrs, where the string says
 * nothing of it: of several hosts the primary. One host is taken as it is, and whoever
 * connects says in words of its own that it is a standby. */
const char *conninfo_preset_attributes(const char *text);

#endif
