/* target.h - the request target as it came: path segments and query parameters.
 *
 * libmicrohttpd hands out a path that is already percent-decoded and cut at a
 * NUL, so "a%2Fb" and "a/b" look alike. The raw target is read here instead:
 * split first, decoded once per segment, checked to be UTF-8, and whatever
 * other software may read differently is refused: "%00", an encoded slash or
 * backslash, dot segments, empty segments, characters outside printable ASCII.
 */
#ifndef HALLMARK_API_TARGET_H
#define HALLMARK_API_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"

enum { TARGET_MAX = 16 * 1024, TARGET_SEGMENTS = 600, TARGET_QUERY = 64 };

struct word {
	const char *text; /* decoded, NUL-terminated */
	size_t len;
};

struct query_parameter {
	struct word name, value;
};

struct target {
	const char *raw; /* as sent, for Link and Location */
	size_t path_len; /* of raw, without '?' and what follows */
	int nsegments, nquery;
	struct word *segments;
	struct query_parameter *query;
};

struct problem target_read(struct arena *a, const char *raw, struct target *out) MUST_CHECK;

/* The first value of a parameter, NULL when absent. */
const char *target_query(const struct target *t, const char *name);

#endif
