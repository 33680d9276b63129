/* References: any bytes are read or refused with valid text; the intervals of a range
 * are pairs, and its prereleases lie inside the whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "registry/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int byte_order(struct bytes a, struct bytes b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static void check_range(const struct reference *r)
{
	if (r->nkeys < 2 || r->nkeys > REFERENCE_KEYS || r->nkeys % 2)
		abort();
	for (size_t i = 2; i < r->nkeys; i += 2) {
		const struct bytes low = r->keys[i], high = r->keys[i + 1];

		if (!low.data || !high.data || byte_order(low, high) >= 0)
			abort();
		if (r->keys[0].data && byte_order(r->keys[0], low) > 0)
			abort();
		if (r->keys[1].data && byte_order(high, r->keys[1]) > 0)
			abort();
	}
}

static void check_good(const struct reference *r, size_t size)
{
	if (r->kind == REFERENCE_RANGE)
		check_range(r);
	else if (r->nkeys != (r->kind == REFERENCE_EXACT))
		abort();
	if ((r->kind == REFERENCE_ALIAS || r->kind == REFERENCE_ORDINAL) &&
	    strlen(r->word) + 1 != size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1 << 20);
	struct reference r;
	const struct problem p = reference_read(a, "version", (const char *)data, size, &r);

	if (p.code == PROBLEM_NONE)
		check_good(&r, size);
	else if (!utf8_valid(p.detail, strlen(p.detail)))
		abort();
	arena_free(a);
	return 0;
}
