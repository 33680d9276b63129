#include "tap.h"

#include "plain_range.h"
#include "registry/reference.h"
#include "registry/semver.h"

static struct arena *arena;

static struct problem read_text(const char *s, struct reference *r)
{
	return reference_read(arena, "version", s, strlen(s), r);
}

static struct bytes key(const char *s)
{
	struct semver v;
	const struct problem p = semver_read(arena, NULL, s, strlen(s), &v);

	if (p.code != PROBLEM_NONE)
		ok(false, "%s is a version: %s", s, p.detail);
	return semver_key(arena, &v);
}

static int byte_order(struct bytes a, struct bytes b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool inside(const struct bytes *pair, struct bytes k)
{
	return (!pair[0].data || byte_order(pair[0], k) <= 0) &&
	       (!pair[1].data || byte_order(k, pair[1]) < 0);
}

/* What the SQL does with the keys of a range. */
static bool range_sees(const struct reference *r, struct bytes k, bool prerelease)
{
	if (!prerelease)
		return inside(r->keys, k);
	for (size_t i = 2; i < r->nkeys; i += 2) {
		if (inside(r->keys + i, k))
			return true;
	}
	return false;
}

static void every_form_is_read(void)
{
	static const struct {
		const char *text;
		const char *kind, *word;
		size_t nkeys;
	} table[] = {
		{"1.4.2", "exact", NULL, 1},
		{"v1.4.2", "exact", NULL, 1},
		{"1.4.2-rc.1", "exact", NULL, 1},
		{"1.4.2+b7", "exact", "1.4.2+b7", 1},
		{"v1.4.2-rc.1+b7", "exact", "1.4.2-rc.1+b7", 1},
		{"latest", "range", NULL, 2},
		{"*", "range", NULL, 2},
		{"x", "range", NULL, 2},
		{"^1.4", "range", NULL, 2},
		{"^v1.4.2", "range", NULL, 2},
		{"~1.4.0", "range", NULL, 2},
		{"1.x", "range", NULL, 2},
		{"1.4.*", "range", NULL, 2},
		{"1.X.X", "range", NULL, 2},
		{">=1.2 <2", "range", NULL, 2},
		{">= 1.2  < 2", "range", NULL, 2},
		{">=1.2<2", "range", NULL, 2},
		{"=1.4", "range", NULL, 2},
		{"1.4.2 <2", "range", NULL, 2},
		{">1 <1", "range", NULL, 2},
		{"^1.4.2-rc.1", "range", NULL, 4},
		{">=1.0.0-rc.1 <2.0.0-rc.1", "range", NULL, 6},
		{"newest", "newest", NULL, 0},
		{"@champion", "alias", "champion", 0},
		{"v7", "ordinal", "7", 0},
		{"v9223372036854775807", "ordinal", "9223372036854775807", 0},
	};
	struct reference r;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct problem p = read_text(table[i].text, &r);

		if (!ok(p.code == PROBLEM_NONE, "%s is read", table[i].text)) {
			printf("# it said: %s\n", p.detail);
			continue;
		}
		is_str(reference_kind_name(r.kind), table[i].kind, "%s is of kind %s",
		       table[i].text, table[i].kind);
		is_int(r.nkeys, table[i].nkeys, "with %zu keys", table[i].nkeys);
		is_str(r.word ? r.word : "none", table[i].word ? table[i].word : "none",
		       "and its word");
	}
}

static void the_rest_is_refused_with_what_to_write(void)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{"", "write latest"},
		{"1", "write 1.x or ^1 for a range, or a full version such as 1.0.0"},
		{"1.4", "write 1.4.x or ^1.4 for a range, or a full version such as 1.4.0"},
		{"^1.4 1.5", "write 1.5.x or ^1.5"},
		{"1.2.3 || 2.x", "ask for each by itself"},
		{"^1||^2", "ask for each by itself"},
		{"1.2.3 - 2.3.4", ">=1.2.0 <=1.4.2"},
		{"champion", "@ALIAS"},
		{"Latest", "is not a version reference"},
		{"@", "1 to 128 bytes"},
		{"@latest", "names a version by itself"},
		{"@v7", "names a version by itself"},
		{"@a b", "an alias cannot hold \" \""},
		{"v0", "count from v1"},
		{"v07", "without leading zeros"},
		{"v9223372036854775808", "at most v9223372036854775807"},
		{"v99999999999999999999", "at most v9223372036854775807"},
		{"v1.2", "is not a version reference"},
		{"1.2.3.4", "more than three numbers"},
		{"^1.2.3.4", "more than three numbers"},
		{"1.2.3.x", "more than three numbers"},
		{"1.x.3", "only x may follow x"},
		{"x.1", "only x may follow x"},
		{"^01.2", "leading zero"},
		{"^01.2.3", "leading zero"},
		{"^1.2.3+b7", "leave +b7 out"},
		{">=", "a version has to follow >="},
		{"> =1.2", "a version has to follow >"},
		{">=1.2 <", "a version has to follow <"},
		{"^^1.2", "a version has to follow ^"},
		{" 1.2.3", "a space at an end"},
		{"1.2.3 ", "a space at an end"},
		{"1.2.x-rc", "is not a version reference"},
		{"1.2.3-", "empty identifier"},
		{"1.2.3,2.0.0", "\",\" cannot stand at byte 6"},
		{"\xff", "is not a version reference"},
	};
	struct reference r;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct problem p = read_text(table[i].text, &r);
		const bool good = p.code == PROBLEM_INVALID && strstr(p.detail, table[i].says) &&
				  strcmp(p.errors->parameter, "version") == 0;

		if (!ok(good, "'%s' is refused with: %s", table[i].text, table[i].says))
			printf("# it said: %s\n", p.detail ? p.detail : "nothing");
	}
	ok(reference_read(arena, NULL, "*\0*", 3, &r).code == PROBLEM_INVALID,
	   "a NUL inside is refused");
}

static void size_is_limited(void)
{
	char text[REFERENCE_MAX + 2];
	struct reference r;
	size_t len = 0;

	memset(text, ' ', sizeof(text));
	for (int i = 0; i < RANGE_COMPARATORS; i++, len += 4)
		memcpy(text + len, ">=1 ", 4);
	ok(reference_read(arena, NULL, text, len - 1, &r).code == PROBLEM_NONE,
	   "sixteen comparators are read");
	memcpy(text + len, ">=1", 3);
	const struct problem p = reference_read(arena, NULL, text, len + 3, &r);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "at most 16"), "seventeen are refused");
	memset(text, '1', sizeof(text));
	ok(reference_read(arena, NULL, text, sizeof(text) - 1, &r).code == PROBLEM_INVALID,
	   "more than %d bytes are refused", REFERENCE_MAX);
}

/* ---- against npm's rules ------------------------------------------------------------- */

enum { UNIVERSE = 4 * 4 * 4 * 6, RANGES = 20000 };

static char versions[UNIVERSE][PLAIN_TEXT];
static struct bytes keys[UNIVERSE];

static void fill_universe(void)
{
	static const char *const ends[] = {"", "-0", "-a", "-a.1", "-a.2", "-b"};
	struct semver v;

	for (int i = 0; i < UNIVERSE; i++) {
		sprintf(versions[i], "%d.%d.%d%s", i / 96 % 4, i / 24 % 4, i / 6 % 4, ends[i % 6]);
		if (semver_read(arena, NULL, versions[i], strlen(versions[i]), &v).code)
			tap_bad++;
		keys[i] = semver_key(arena, &v);
	}
}

/* Counts versions about which reference_read() and npm's rules differ. */
static int differences(const char *text, const struct plain_range *plain, long *seen)
{
	struct reference r;
	int wrong = 0;

	const struct problem p = read_text(text, &r);
	if (p.code != PROBLEM_NONE || r.kind == REFERENCE_EXACT)
		return p.code != PROBLEM_NONE; /* a lone full version is no range */
	for (int i = 0; i < UNIVERSE; i++) {
		const bool want = plain_sees(plain, versions[i]);

		*seen += want;
		if (range_sees(&r, keys[i], strchr(versions[i], '-') != NULL) == want)
			continue;
		if (wrong++ == 0)
			printf("# %s and %s: npm says %d\n", text, versions[i], want);
	}
	return wrong;
}

static void ranges_mean_what_npm_means(void)
{
	unsigned seed = 7;
	long wrong = 0, seen = 0;

	fill_universe();
	for (int i = 0; i < RANGES; i++) {
		struct arena *const before = arena;
		struct plain_range plain;
		char text[256];

		arena = arena_new(1u << 20);
		plain_range_generate(&seed, text, &plain);
		wrong += differences(text, &plain, &seen);
		arena_free(arena);
		arena = before;
	}
	is_int(wrong, 0, "%d generated ranges over %d versions: npm agrees on each", RANGES,
	       UNIVERSE);
	ok(seen > RANGES, "they matched %ld times, so the agreement says something", seen);
}

static void well_known_ranges_hold(void)
{
	static const struct {
		const char *range, *version;
		bool sees;
	} table[] = {
		{"^1.2.3", "1.2.3", true},
		{"^1.2.3", "1.99.0", true},
		{"^1.2.3", "2.0.0", false},
		{"^1.2.3", "1.2.2", false},
		{"^1.2.3", "1.5.0-rc.1", false},
		{"^1.2.3", "2.0.0-rc.1", false},
		{"^0.2.3", "0.2.9", true},
		{"^0.2.3", "0.3.0", false},
		{"^0.0.3", "0.0.4", false},
		{"^0.0", "0.0.9", true},
		{"^0.0", "0.1.0", false},
		{"^0.x", "0.9.0", true},
		{"~1.2.3", "1.2.9", true},
		{"~1.2.3", "1.3.0", false},
		{"~1", "1.9.0", true},
		{"1.2.x", "1.2.0", true},
		{"1.2.x", "1.3.0", false},
		{">1.2", "1.2.9", false},
		{">1.2", "1.3.0", true},
		{"<=1.2", "1.2.9", true},
		{"<=1.2", "1.3.0", false},
		{">1.2.3", "1.2.3", false},
		{"<=1.2.3", "1.2.3", true},
		{"<1.2.3", "1.2.3-rc.1", false},
		{"^1.2.3-b.2", "1.2.3-b.10", true},
		{"^1.2.3-b.2", "1.2.3-b.1", false},
		{"^1.2.3-b.2", "1.2.4-b.2", false},
		{">1.2.3-a", "1.2.3-a.0", true},
		{"<=1.2.3-a", "1.2.3-a", true},
		{"<=1.2.3-a", "1.2.3-a.0", false},
		{"=1.2.3-a", "1.2.3-a", true},
		{">=1.0.0-a <1.0.0", "1.0.0-b", true},
		{"*", "0.0.0", true},
		{"*", "1.0.0-rc.1", false},
		{">*", "9.9.9", false},
		{">1 <1", "1.0.0", false},
		{"^9", "10.0.0", false},
		{"^18446744073709551615", "18446744073709551615.1.0", true},
		{"^18446744073709551615", "18446744073709551616.0.0", false},
	};
	struct reference r;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct problem p = read_text(table[i].range, &r);
		const bool sees =
			p.code == PROBLEM_NONE && range_sees(&r, key(table[i].version),
							     strchr(table[i].version, '-') != NULL);

		ok(sees == table[i].sees, "%s %s %s", table[i].range,
		   table[i].sees ? "sees" : "does not see", table[i].version);
	}
}

int main(void)
{
	arena = arena_new(64u << 20);
	every_form_is_read();
	the_rest_is_refused_with_what_to_write();
	size_is_limited();
	well_known_ranges_hold();
	ranges_mean_what_npm_means();
	arena_free(arena);
	return tap_done();
}
