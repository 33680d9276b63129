/* Ranges as npm means them: up to four comparators and a version, spelled from the input. The
 * version lies in the intervals that the range becomes exactly when the table of npm's rules in
 * tests/unit/plain_range.h says so. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/version_range.h"
#include "tests/unit/plain_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at, *end;
};

static unsigned next(struct input *in, unsigned sides)
{
	return in->at < in->end ? *in->at++ % sides : 0;
}

static const char *const operators[] = {"", "=", ">", ">=", "<", "<=", "^", "~"};
static const char *const prereleases[] = {"", "0", "1", "a", "a.0", "a.1", "a-b", "rc.10", "rc.9"};
enum { OPERATORS = 8, PRERELEASES = 9, COMPARATORS = 4 };

static struct generated comparator(struct input *in)
{
	struct generated g = {.op = operators[next(in, OPERATORS)], .spell_x = next(in, 2)};

	g.given = 3 - (int)next(in, 4);
	for (int i = 0; i < 3; i++)
		g.numbers[i] = (int)next(in, 12);
	g.prerelease = g.given == 3 ? prereleases[next(in, PRERELEASES)] : "";
	if (g.given == 0 || (g.given < 3 && !*g.op))
		g.spell_x = true;
	return g;
}

static int byte_order(struct bytes a, struct bytes b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool inside(const struct version_range *r, size_t i, struct bytes key)
{
	return (!r->keys[i].data || byte_order(r->keys[i], key) <= 0) &&
	       (!r->keys[i + 1].data || byte_order(key, r->keys[i + 1]) < 0);
}

static bool sees(const struct version_range *r, struct bytes key, bool prerelease)
{
	if (!prerelease)
		return inside(r, 0, key);
	for (size_t i = 2; i < r->nkeys; i += 2) {
		if (inside(r, i, key))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct arena *a = arena_new(1 << 20);
	struct plain_range plain = {0};
	struct version_range range;
	struct semver version;
	char text[512] = "", name[PLAIN_TEXT];

	for (unsigned n = 1 + next(&in, COMPARATORS); n > 0; n--) {
		const struct generated g = comparator(&in);

		append_text(text, &g);
		desugar(&plain, &g);
	}
	if (version_range_read(a, NULL, text, strlen(text), &range).code != PROBLEM_NONE)
		abort();
	while (in.at < in.end) {
		const unsigned major = next(&in, 13), minor = next(&in, 13), patch = next(&in, 13);
		const char *pre = prereleases[next(&in, PRERELEASES)];

		snprintf(name, sizeof(name), "%u.%u.%u%s%s", major, minor, patch, *pre ? "-" : "",
			 pre);
		if (semver_read(a, NULL, name, strlen(name), &version).code != PROBLEM_NONE)
			abort();
		if (sees(&range, semver_key(a, &version), *pre) != plain_sees(&plain, name))
			abort();
	}
	arena_free(a);
	return 0;
}
