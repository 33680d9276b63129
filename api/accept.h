/* accept.h - which of a route's media types the client takes (RFC 9110 §12.5.1).
 *
 * Of the ranges that fit a type the most specific counts: the type itself, its kin, its
 * family ("text/" and a star), anything. The type with the highest q is chosen, among
 * equals the one that the route prefers. Kin: who names application/json or
 * application/problem+json reads whatever is JSON. Parameters other than q are passed
 * over, as is a range that cannot be read; when none can, the header counts as absent
 * and everything is taken. A star alone and "q=.2", which Java's client sends, are read.
 */
#ifndef HALLMARK_API_ACCEPT_H
#define HALLMARK_API_ACCEPT_H

#include <stdbool.h>

enum { ACCEPT_TYPES = 4 };

struct accept {
	const char *const *types; /* served, the preferred first; NULL after at most ACCEPT_TYPES */
	bool said;                /* a range was read */
	struct {
		int fit, quality; /* of the most specific range so far; thousandths */
	} of[ACCEPT_TYPES];
};

void accept_begin(struct accept *a, const char *const *types);
/* The value of one Accept header; several make one list. */
void accept_line(struct accept *a, const char *value);
/* NULL: the client takes none of them. */
const char *accept_choice(const struct accept *a);

#endif
