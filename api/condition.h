/* condition.h - conditional requests (RFC 9110 §13) on what our ETags hold.
 *
 * Every ETag here is strong. Most hold a row's version, "7"; that of an artifact
 * holds the SHA-256 of its bytes in hexadecimal. For a change the comparison is
 * made inside the statement that changes, so what is read here goes there: a list
 * with a stand-in for "*", or NULL when the header is absent.
 */
#ifndef HALLMARK_API_CONDITION_H
#define HALLMARK_API_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"
#include "sql/args.h"

enum { CONDITION_MAX = 16 };

struct entity_tag {
	const char *text; /* between the quotes, in the arena */
	size_t len;
	bool weak;
};

struct condition {
	bool given, any; /* any: "*" */
	int n;
	struct entity_tag tags[CONDITION_MAX];
};

/* The value of If-Match or If-None-Match; NULL: absent. */
struct problem condition_read(struct arena *a, const char *header, const char *value,
			      struct condition *out) MUST_CHECK;

/* What guards a change: If-Match into match; If-None-Match: * into create_only, which
 * may be NULL where nothing is created. */
struct request;
struct problem condition_of_change(struct request *rq, struct condition *match,
				   bool *create_only) MUST_CHECK;

/* Weak tags match here, as If-None-Match wants … */
bool condition_names(const struct condition *c, const char *tag);
/* … and not here, as If-Match wants. */
bool condition_is(const struct condition *c, const char *tag);

/* For If-Match: int8[] of row versions with -1 for "*"; bytea[] of digests with empty
 * bytes for "*". Weak tags never match, so they are left out, as is what cannot be one of
 * ours. NULL when the header was absent. */
void arg_match_versions(struct args *args, const struct condition *c);
void arg_match_digests(struct args *args, const struct condition *c);

#endif
