/* condition.h - conditional requests (RFC 9110 §13) on row versions.
 *
 * An ETag here is strong and holds the row's version: "7". The comparison for a
 * change is made inside the statement that changes, so what is read here goes
 * there: a list of versions, -1 for "*", nothing when the header is absent.
 */
#ifndef HALLMARK_API_CONDITION_H
#define HALLMARK_API_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"
#include "sql/args.h"

enum { CONDITION_MAX = 16 };

struct condition {
	bool given;
	int n;
	int64_t versions[CONDITION_MAX]; /* -1: any ("*") */
};

/* Reads If-Match or If-None-Match; weak tags never match in If-Match and are
 * left out; a tag that is none of ours matches nothing and is left out too. */
struct problem condition_read(struct arena *a, const char *header, const char *value,
			      struct condition *out) MUST_CHECK;
bool condition_names(const struct condition *c, int64_t version);

/* NULL when absent, else the array of versions. */
void arg_condition(struct args *args, const struct condition *c);

#endif
