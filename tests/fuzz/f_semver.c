/* Versions: two of them, a line each. What is read reads back as itself, and the keys
 * of two versions are in the order that the specification's own words give. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "registry/semver.h"
#include "tests/unit/plain_semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_one(struct arena *a, const char *s, size_t len, struct semver *v)
{
	struct semver again;
	const struct problem p = semver_read(a, "version", s, len, v);

	if (p.code != PROBLEM_NONE) {
		if (!utf8_valid(p.detail, strlen(p.detail)))
			abort();
		return false;
	}
	if (semver_read(a, NULL, v->text, strlen(v->text), &again).code != PROBLEM_NONE ||
	    strcmp(v->text, again.text) != 0)
		abort();
	return true;
}

static int byte_order(struct bytes a, struct bytes b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *line = memchr(text, '\n', size);
	const size_t first = line ? (size_t)(line - text) : size;
	struct arena *a = arena_new(1 << 20);
	struct semver v, w;

	if (read_one(a, text, first, &v) && line && read_one(a, line + 1, size - first - 1, &w)) {
		const int got = byte_order(semver_key(a, &v), semver_key(a, &w));
		const int want = plain_compare(v.text, w.text);

		if ((got > 0) != (want > 0) || (got < 0) != (want < 0))
			abort();
	}
	arena_free(a);
	return 0;
}
