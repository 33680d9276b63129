/* json_in.h - JSON text becomes a tree, the strict way.
 *
 * UTF-8 without a byte order mark, no member twice, no NUL in text, at most
 * JSON_DEPTH levels, numbers within int64 or double, nothing after it. What is read
 * by a table of members goes on to base/draft.h.
 */
#ifndef HALLMARK_BASE_JSON_IN_H
#define HALLMARK_BASE_JSON_IN_H

#include <jansson.h>
#include <stddef.h>

#include "base/problem.h"

enum { JSON_DEPTH = 32 };

/* Parses an object or an array, a request's body as the messages have it; INVALID says
 * line and column. The tree is the arena's. */
struct problem json_in(struct arena *a, const char *bytes, size_t len, json_t **root) MUST_CHECK;

#endif
