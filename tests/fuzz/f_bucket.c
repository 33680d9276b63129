/* Locations of buckets: what is accepted can stand in a request as it is, and what is
 * refused says what would be right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/bucket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(const char *s, const char *also)
{
	for (; *s; s++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.",
			    *s) &&
		    !strchr(also, *s))
			return false;
	return true;
}

static bool is_safe(const struct bucket *b)
{
	const size_t prefix = strlen(b->prefix);

	return strlen(b->name) >= 3 && is_plain(b->name, "") && *b->host &&
	       is_plain(b->host, "[]:") && is_plain(b->prefix, "_/") && b->prefix[0] != '/' &&
	       !strstr(b->prefix, "//") && (prefix == 0 || b->prefix[prefix - 1] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1 << 20);
	struct bucket b;

	if (size > 10000) {
		arena_free(a);
		return 0;
	}
	struct problem p = bucket_read(a, arena_dup(a, (const char *)data, size), &b);
	if (p.code == PROBLEM_NONE ? !is_safe(&b)
				   : p.code != PROBLEM_INVALID ||
					     !strstr(p.detail, "s3://bucket/prefix?endpoint="))
		abort();
	arena_free(a);
	return 0;
}
