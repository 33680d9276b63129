#include "tap.h"

#include "plain_semver.h"
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
	for (int i = 0; i < REFERENCE_COMPARATORS; i++, len += 4)
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

/* ---- against npm's rules --------------------------------------------------------------
 *
 * The yardstick rewrites a range to plain comparators on full versions as the
 * tables in node-semver's documentation do, and then asks of a version: does it
 * satisfy all of them and, when it is a prerelease, does one of them carry a
 * prerelease of the same three numbers? */

enum { PLAIN_MAX = 16, TEXT = 48 };

struct plain {
	char op[3];
	char version[TEXT]; /* "": anything */
};

struct plain_range {
	struct plain all[PLAIN_MAX];
	int n;
};

/* A comparator as generated: numbers < 0 are x. */
struct generated {
	const char *op;
	int given, numbers[3];
	const char *prerelease;
	bool spell_x;
};

static void add_plain(struct plain_range *r, const char *op, int major, int minor, int patch,
		      const char *prerelease)
{
	struct plain *p = &r->all[r->n++];

	snprintf(p->op, sizeof(p->op), "%s", op);
	snprintf(p->version, sizeof(p->version), "%d.%d.%d%s%s", major, minor, patch,
		 *prerelease ? "-" : "", prerelease);
}

/* One more at `part`, zeros behind it. */
static void add_below_next(struct plain_range *r, const struct generated *g, int part)
{
	int n[3] = {0};

	for (int i = 0; i <= part; i++)
		n[i] = g->numbers[i] + (i == part);
	add_plain(r, "<", n[0], n[1], n[2], "0");
}

static void desugar_partial(struct plain_range *r, const struct generated *g)
{
	int n[3] = {0}, next[3] = {0};

	for (int i = 0; i < g->given; i++) {
		n[i] = g->numbers[i];
		next[i] = g->numbers[i] + (i == g->given - 1);
	}
	if (strcmp(g->op, ">=") == 0)
		add_plain(r, ">=", n[0], n[1], n[2], "");
	else if (strcmp(g->op, ">") == 0)
		add_plain(r, ">=", next[0], next[1], next[2], "");
	else if (strcmp(g->op, "<") == 0)
		add_plain(r, "<", n[0], n[1], n[2], "0");
	else if (strcmp(g->op, "<=") == 0)
		add_plain(r, "<", next[0], next[1], next[2], "0");
	else {
		add_plain(r, ">=", n[0], n[1], n[2], "");
		add_plain(r, "<", next[0], next[1], next[2], "0");
	}
}

static void desugar_shorthand(struct plain_range *r, const struct generated *g)
{
	int n[3] = {0}, part = 0;

	for (int i = 0; i < g->given; i++)
		n[i] = g->numbers[i];
	add_plain(r, ">=", n[0], n[1], n[2], g->given == 3 ? g->prerelease : "");
	if (*g->op == '~')
		part = g->given >= 2;
	else if (n[0] > 0 || g->given == 1)
		part = 0;
	else if (n[1] > 0 || g->given == 2)
		part = 1;
	else
		part = 2;
	add_below_next(r, g, part);
}

static void desugar(struct plain_range *r, const struct generated *g)
{
	const bool strict = strcmp(g->op, "<") == 0 || strcmp(g->op, ">") == 0;

	if (g->given == 0 && strict)
		add_plain(r, "<", 0, 0, 0, "0");
	else if (g->given == 0)
		r->all[r->n++].version[0] = '\0';
	else if (*g->op == '^' || *g->op == '~')
		desugar_shorthand(r, g);
	else if (g->given < 3)
		desugar_partial(r, g);
	else
		add_plain(r, *g->op ? g->op : "=", g->numbers[0], g->numbers[1], g->numbers[2],
			  g->prerelease);
}

static bool satisfies(const struct plain *p, const char *version)
{
	const int order = *p->version ? plain_compare(version, p->version) : 0;

	if (!*p->version)
		return true;
	if (order == 0)
		return strchr(p->op, '=') != NULL;
	return *p->op == (order < 0 ? '<' : '>');
}

static bool same_core(const char *a, const char *b)
{
	const size_t core = strcspn(a, "-");

	return core == strcspn(b, "-") && memcmp(a, b, core) == 0;
}

static bool plain_sees(const struct plain_range *r, const char *version)
{
	bool named = !strchr(version, '-');

	for (int i = 0; i < r->n; i++) {
		if (!satisfies(&r->all[i], version))
			return false;
		named = named ||
			(strchr(r->all[i].version, '-') && same_core(r->all[i].version, version));
	}
	return named;
}

static unsigned dice(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % sides;
}

static struct generated generate(unsigned *seed)
{
	static const char *const ops[] = {"", "=", ">", ">=", "<", "<=", "^", "~"};
	static const char *const prereleases[] = {"", "", "0", "a", "a.1", "b"};
	struct generated g = {.op = ops[dice(seed, 8)], .spell_x = dice(seed, 2)};

	g.given = dice(seed, 3) ? 3 : (int)dice(seed, 4);
	for (int i = 0; i < 3; i++)
		g.numbers[i] = (int)dice(seed, 3);
	g.prerelease = g.given == 3 ? prereleases[dice(seed, 6)] : "";
	if (g.given == 0 || (g.given < 3 && !*g.op))
		g.spell_x = true; /* a bare 1.4 is refused */
	return g;
}

static void append_text(char *text, const struct generated *g)
{
	char *p = text + strlen(text);

	p += sprintf(p, "%s%s", p == text ? "" : " ", g->op);
	for (int i = 0; i < 3 && (i < g->given || g->spell_x); i++) {
		if (i < g->given)
			p += sprintf(p, "%s%d", i ? "." : "", g->numbers[i]);
		else
			p += sprintf(p, "%sx", i ? "." : "");
	}
	if (*g->prerelease)
		sprintf(p, "-%s", g->prerelease);
}

enum { UNIVERSE = 4 * 4 * 4 * 6, RANGES = 20000 };

static char versions[UNIVERSE][TEXT];
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
		struct plain_range plain = {0};
		char text[256] = "";

		arena = arena_new(1u << 20);
		for (unsigned n = 1 + dice(&seed, 4); n > 0; n--) {
			const struct generated g = generate(&seed);

			append_text(text, &g);
			desugar(&plain, &g);
		}
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
