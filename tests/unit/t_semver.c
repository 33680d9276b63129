#include "tap.h"

#include <stdlib.h>

#include "plain_semver.h"
#include "registry/semver.h"

static struct arena *arena;

static struct semver read_good(const char *s)
{
	struct semver v;
	const struct problem p = semver_read(arena, NULL, s, strlen(s), &v);

	if (p.code != PROBLEM_NONE) {
		ok(false, "%s is read: %s", s, p.detail);
		exit(tap_done());
	}
	return v;
}

static struct bytes key(const char *s)
{
	const struct semver v = read_good(s);

	return semver_key(arena, &v);
}

/* As memcmp() in PostgreSQL's bytea: the shorter of two equal beginnings is lower. */
static int byte_order(struct bytes a, struct bytes b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* The strings that the specification's site offers to test a reader with. */
static void valid_versions_are_read(void)
{
	static const char *const valid[] = {
		"0.0.4",
		"1.2.3",
		"10.20.30",
		"1.1.2-prerelease+meta",
		"1.1.2+meta",
		"1.1.2+meta-valid",
		"1.0.0-alpha",
		"1.0.0-beta",
		"1.0.0-alpha.beta",
		"1.0.0-alpha.beta.1",
		"1.0.0-alpha.1",
		"1.0.0-alpha0.valid",
		"1.0.0-alpha.0valid",
		"1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
		"1.0.0-rc.1+build.1",
		"2.0.0-rc.1+build.123",
		"1.2.3-beta",
		"10.2.3-DEV-SNAPSHOT",
		"1.2.3-SNAPSHOT-123",
		"1.0.0",
		"2.0.0",
		"1.1.7",
		"2.0.0+build.1848",
		"2.0.1-alpha.1227",
		"1.0.0-alpha+beta",
		"1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
		"1.2.3----R-S.12.9.1--.12+meta",
		"1.2.3----RC-SNAPSHOT.12.9.1--.12",
		"1.0.0+0.build.1-rc.10000aaa-kk-0.1",
		"99999999999999999999999.999999999999999999.99999999999999999",
		"1.0.0-0A.is.legal",
		"1.0.0-0",
		"0.0.0",
		"1.0.0+001",
	};

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		is_str(read_good(valid[i]).text, valid[i], "%s is a version", valid[i]);
}

static void everything_else_is_refused(void)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", "write one such as 1.0.0"},
		{"1", "write 1.0.0"},
		{"1.2", "write 1.2.0"},
		{"v1.2", "write 1.2.0"},
		{"1.", "minor number is missing"},
		{"1.2.", "patch number is missing"},
		{"1.2.3-0123", "leading zero; write \"123\""},
		{"1.2.3-0123.0123", "leading zero"},
		{"1.2.3-00", "leading zero; write \"0\""},
		{"1.1.2+.123", "empty identifier"},
		{"1.2.3-", "prerelease has an empty identifier"},
		{"1.2.3+", "build metadata has an empty identifier"},
		{"1.2.3-+b", "prerelease has an empty identifier"},
		{"+invalid", "major number is missing"},
		{"-invalid.01", "major number is missing"},
		{"alpha", "major number is missing"},
		{"1.0.0-alpha_beta", "\"_\" cannot stand at byte 12"},
		{"1.0.0-alpha..1", "empty identifier"},
		{"1.0.0-alpha.", "empty identifier"},
		{"01.1.1", "major has a leading zero; write \"1\""},
		{"1.01.1", "minor has a leading zero"},
		{"1.1.0000", "patch has a leading zero; write \"0\""},
		{"1.2.3.4", "more than three numbers"},
		{"1.2.3.DEV", "more than three numbers"},
		{"1.2-SNAPSHOT", "a dot has to follow the minor number"},
		{"1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788", "more than three numbers"},
		{"-1.0.3-gamma+b7718", "major number is missing"},
		{"9.8.7+meta+meta", "\"+\" cannot stand at byte 11"},
		{"9.8.7-whatever+meta+meta", "cannot stand at byte 20"},
		{" 1.2.3", "major number is missing"},
		{"1.2.3 ", "\" \" cannot stand at byte 6"},
		{"V1.2.3", "major number is missing"},
		{"vv1.2.3", "major number is missing"},
		{"1.2.3-\xc3\xa9", "\"\\xc3\" cannot stand at byte 7"},
		{"1.2.x", "patch number is missing"},
	};
	struct semver v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct problem p =
			semver_read(arena, "/version", bad[i].text, strlen(bad[i].text), &v);
		const bool good = p.code == PROBLEM_INVALID && strstr(p.detail, bad[i].says) &&
				  p.errors && strcmp(p.errors->pointer, "/version") == 0;

		if (!ok(good, "'%s' is refused with: %s", bad[i].text, bad[i].says))
			printf("# it said: %s\n", p.detail ? p.detail : "nothing");
	}
}

static void length_is_limited(void)
{
	char text[SEMVER_MAX + 2];
	struct semver v;

	memset(text, '9', sizeof(text));
	memcpy(text, "1.2.", 4);
	ok(semver_read(arena, NULL, text, SEMVER_MAX, &v).code == PROBLEM_NONE,
	   "a patch number of 251 digits is read");
	is_int(v.numbers[SEMVER_PATCH].len, 251, "with all its digits");
	ok(semver_read(arena, NULL, text, SEMVER_MAX + 1, &v).code == PROBLEM_INVALID,
	   "256 bytes are refused");
	text[0] = '1', text[1] = '.', text[2] = '2', text[3] = '.', text[4] = '\0';
	ok(semver_read(arena, NULL, text, 6, &v).code == PROBLEM_INVALID,
	   "a NUL inside is refused");
}

static void parts_are_taken_apart(void)
{
	const struct semver v = read_good("v10.20.30-rc.1-x+b.7");

	is_str(v.text, "10.20.30-rc.1-x+b.7", "a leading v is dropped");
	ok(v.numbers[SEMVER_MINOR].len == 2 && memcmp(v.numbers[SEMVER_MINOR].at, "20", 2) == 0,
	   "the minor number is 20");
	ok(v.prerelease.len == 6 && memcmp(v.prerelease.at, "rc.1-x", 6) == 0,
	   "the prerelease is rc.1-x");
	ok(v.build.len == 3 && memcmp(v.build.at, "b.7", 3) == 0, "the build is b.7");
	const struct semver hyphen = read_good("1.0.0+b-1");
	ok(!semver_is_prerelease(&hyphen), "a hyphen in build metadata makes no prerelease");
}

/* Section 11 of the specification, from low to high. */
static void the_specifications_order_holds(void)
{
	static const char *const order[] = {
		"0.0.1",
		"1.0.0-0",
		"1.0.0-2",
		"1.0.0-11",
		"1.0.0-99999999999999999999999999",
		"1.0.0--",
		"1.0.0-Z",
		"1.0.0-a",
		"1.0.0-alpha",
		"1.0.0-alpha.1",
		"1.0.0-alpha.beta",
		"1.0.0-alpha-",
		"1.0.0-alpha1",
		"1.0.0-beta",
		"1.0.0-beta.2",
		"1.0.0-beta.11",
		"1.0.0-rc.1",
		"1.0.0",
		"1.0.1",
		"1.0.10",
		"1.2.0",
		"1.10.0",
		"2.0.0",
		"2.1.0",
		"2.1.1",
		"10.0.0",
		"100000000000000000000.0.0",
	};
	const size_t n = sizeof(order) / sizeof(order[0]);

	for (size_t i = 0; i + 1 < n; i++)
		ok(byte_order(key(order[i]), key(order[i + 1])) < 0, "%s is below %s", order[i],
		   order[i + 1]);
	int wrong = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			wrong +=
				sign(byte_order(key(order[i]), key(order[j]))) != (i > j) - (i < j);
	is_int(wrong, 0, "and so for every pair of these");
	ok(byte_order(key("1.0.0+a"), key("1.0.0+b")) == 0, "build metadata has no part in it");
	ok(byte_order(key("1.0.0-rc+a"), key("1.0.0-rc")) == 0, "of a prerelease neither");
}

static void keys_have_their_documented_bytes(void)
{
	static const unsigned char release[] = {1, '1', 2, '2', '0', 1, '3', 0xff};
	static const unsigned char pre[] = {1,   '1', 1, '0', 1,   '0', 2, 'r',
					    'c', 0,   1, 2,   '1', '1', 0};
	const struct bytes r = key("1.20.3"), p = key("1.0.0-rc.11");

	ok(r.len == sizeof(release) && memcmp(r.data, release, r.len) == 0, "key of 1.20.3");
	ok(p.len == sizeof(pre) && memcmp(p.data, pre, p.len) == 0, "key of 1.0.0-rc.11");
}

/* ---- a large cross-check ------------------------------------------------------------ */

enum { GENERATED = 1500 };

static const char *pick(unsigned *seed, const char *const *words, int n)
{
	*seed = *seed * 1103515245u + 12345u;
	return words[(*seed >> 16) % (unsigned)n];
}

static char *generate(unsigned *seed)
{
	static const char *const numbers[] = {"0",
					      "1",
					      "2",
					      "9",
					      "10",
					      "11",
					      "99",
					      "100",
					      "18446744073709551616",
					      "99999999999999999999"};
	static const char *const ids[] = {"0",  "1",  "9",  "10",    "100",  "a",
					  "A",  "-",  "--", "-0",    "0a",   "a0",
					  "aa", "ab", "rc", "alpha", "beta", "18446744073709551616",
					  "Z",  "z"};
	static const char *const build[] = {"", "", "", "+1", "+b", "+0.01"};
	char text[256];
	int len = snprintf(text, sizeof(text), "%s.%s.%s", pick(seed, numbers, 3),
			   pick(seed, numbers, 4), pick(seed, numbers, 10));
	const char *sep = "-";

	for (const char *more = pick(seed, numbers, 4); *more != '0' && len < 120;
	     more = pick(seed, numbers, 3), sep = ".")
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%s", sep,
				pick(seed, ids, 20));
	len += snprintf(text + len, sizeof(text) - (size_t)len, "%s", pick(seed, build, 6));
	return arena_dup(arena, text, (size_t)len);
}

static void keys_agree_with_a_plain_comparator(void)
{
	static const char *text[GENERATED];
	static struct bytes keys[GENERATED];
	unsigned seed = 20260113;
	long wrong = 0, equal = 0;

	for (int i = 0; i < GENERATED; i++) {
		text[i] = generate(&seed);
		keys[i] = key(text[i]);
	}
	for (int i = 0; i < GENERATED; i++) {
		for (int j = 0; j < GENERATED; j++) {
			const int want = sign(plain_compare(text[i], text[j]));

			equal += want == 0 && i != j;
			wrong += sign(byte_order(keys[i], keys[j])) != want;
		}
	}
	is_int(wrong, 0, "%d generated versions, each with each: no pair out of order", GENERATED);
	ok(equal > 100, "with %ld equal pairs among them", equal);
}

static void numbers_count_on(void)
{
	static const struct {
		const char *from, *to;
	} table[] = {{"0", "1"},
		     {"8", "9"},
		     {"9", "10"},
		     {"19", "20"},
		     {"99", "100"},
		     {"109", "110"},
		     {"18446744073709551615", "18446744073709551616"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct semver_text next = semver_next_number(
			arena, (struct semver_text){table[i].from, strlen(table[i].from)});

		is_str(arena_dup(arena, next.at, next.len), table[i].to, "%s + 1", table[i].from);
	}
}

int main(void)
{
	arena = arena_new(64u << 20);
	valid_versions_are_read();
	everything_else_is_refused();
	length_is_limited();
	parts_are_taken_apart();
	the_specifications_order_holds();
	keys_have_their_documented_bytes();
	keys_agree_with_a_plain_comparator();
	numbers_count_on();
	arena_free(arena);
	return tap_done();
}
