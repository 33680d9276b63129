#include "registry/version_range.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "base/quote.h"

struct reader {
	struct arena *arena;
	const char *where;
	struct semver_text whole;
};

#define QUOTED(r, text) quote((r)->arena, (text).at, (text).len)
#define FAULT(r, ...)   problem_at((r)->arena, (r)->where, __VA_ARGS__)

/* The same as "%.*s", for what has been found to be plain ASCII. */
#define PLAIN(text) (int)(text).len, (text).at

/* ---- bounds and intervals ------------------------------------------------------- */

/* Keys of the lowest version inside and of the lowest above; NULL data: open. */
struct interval {
	struct bytes low, high;
};

static int compare(struct bytes a, struct bytes b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static struct bytes higher(struct bytes a, struct bytes b)
{
	if (!a.data || !b.data)
		return a.data ? a : b;
	return compare(a, b) >= 0 ? a : b;
}

static struct bytes lower(struct bytes a, struct bytes b)
{
	if (!a.data || !b.data)
		return a.data ? a : b;
	return compare(a, b) <= 0 ? a : b;
}

static struct interval meet(struct interval a, struct interval b)
{
	return (struct interval){higher(a.low, b.low), lower(a.high, b.high)};
}

static bool is_empty(struct interval i)
{
	return i.low.data && i.high.data && compare(i.low, i.high) >= 0;
}

/* Directly above a version's key: no key is the start of another with a 00 after it. */
static struct bytes just_above(struct arena *a, struct bytes key)
{
	unsigned char *data = arena_alloc(a, key.len + 1);

	memcpy(data, key.data, key.len);
	return (struct bytes){data, key.len + 1};
}

/* ---- versions with parts left open ---------------------------------------------- */

/* "1.4", "1.x", "*": given is how many leading numbers there are, 0 to 3. */
struct partial {
	struct semver_text numbers[SEMVER_NUMBERS];
	int given;
	bool wild;             /* an x or * stands in it */
	struct semver version; /* when all three are given */
};

static bool is_wild(struct semver_text part)
{
	return part.len == 1 && ascii_one_of(*part.at, "xX*");
}

static struct problem read_part(struct reader *r, struct semver_text part, struct semver_text whole,
				struct partial *out)
{
	if (is_wild(part)) {
		out->wild = true;
		return NO_PROBLEM;
	}
	if (part.len == 0 || strspn(part.at, "0123456789") < part.len)
		return FAULT(r,
			     "%s is not a version reference; write a version (1.4.2), a range "
			     "(^1.4, ~1.4.0, 1.4.x, >=1.2 <2), latest, newest, @ALIAS or vNUMBER",
			     QUOTED(r, r->whole));
	if (part.len > 1 && *part.at == '0')
		return FAULT(r, "%s has a leading zero; write %.*s", QUOTED(r, whole),
			     PLAIN(((struct semver_text){part.at + 1, part.len - 1})));
	if (out->wild)
		return FAULT(r, "%s has a number after x; only x may follow x", QUOTED(r, whole));
	out->numbers[out->given++] = part;
	return NO_PROBLEM;
}

/* Numbers of fewer than three, or with x: no prerelease, no build. */
static struct problem read_open_version(struct reader *r, struct semver_text s, struct partial *out)
{
	const char *at = s.at, *const end = s.at + s.len;

	for (int part = 0;; part++) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot ? dot : end;

		if (part == SEMVER_NUMBERS)
			return FAULT(r, "%s has more than three numbers", QUOTED(r, s));
		TRY(read_part(r, (struct semver_text){at, (size_t)(stop - at)}, s, out));
		if (!dot)
			return NO_PROBLEM;
		at = dot + 1;
	}
}

static struct problem read_version(struct reader *r, struct semver_text s, struct partial *out)
{
	*out = (struct partial){0};
	if (s.len > SEMVER_MAX + 1)
		return FAULT(r, "a version in a range has at most %d bytes", SEMVER_MAX);
	if (!semver_looks_full(s))
		return read_open_version(r, s, out);
	TRY(semver_read(r->arena, r->where, s.at, s.len, &out->version));
	if (out->version.build.at)
		return FAULT(r,
			     "build metadata has no order, so %s cannot stand in a range; leave "
			     "+%.*s out",
			     QUOTED(r, s), (int)out->version.build.len, out->version.build.at);
	memcpy(out->numbers, out->version.numbers, sizeof(out->numbers));
	out->given = SEMVER_NUMBERS;
	return NO_PROBLEM;
}

static const struct semver_text zero = {"0", 1};

/* The lowest release a partial version stands for: 1.4 -> 1.4.0. */
static struct bytes lowest(struct reader *r, const struct partial *p)
{
	struct semver v = p->version;

	for (int part = 0; part < SEMVER_NUMBERS; part++)
		v.numbers[part] = part < p->given ? p->numbers[part] : zero;
	return semver_key(r->arena, &v);
}

/* Below everything whose number at `part` is one more: 1.4.2 at MINOR -> 1.5.0. */
static void step(struct reader *r, const struct partial *p, int part,
		 struct semver_text next[SEMVER_NUMBERS])
{
	for (int i = 0; i < SEMVER_NUMBERS; i++)
		next[i] = i < part ? p->numbers[i] : zero;
	next[part] = semver_next_number(r->arena, p->numbers[part]);
}

static struct bytes below_next(struct reader *r, const struct partial *p, int part)
{
	struct semver_text next[SEMVER_NUMBERS];

	step(r, p, part, next);
	return semver_core_key(r->arena, next);
}

static struct bytes next_release(struct reader *r, const struct partial *p, int part)
{
	struct semver v = {0};

	step(r, p, part, v.numbers);
	return semver_key(r->arena, &v);
}

/* ---- comparators: what each operator makes of a version -------------------------- */

static const struct interval everything;

/* Nothing sorts below the key of no bytes. */
static const struct interval nothing = {.high = {(const unsigned char *)"", 0}};

static struct interval at_least(struct reader *r, const struct partial *p)
{
	if (p->given == 0)
		return everything;
	return (struct interval){.low = lowest(r, p)};
}

static struct interval above(struct reader *r, const struct partial *p)
{
	if (p->given == 0)
		return nothing;
	if (p->given == SEMVER_NUMBERS)
		return (struct interval){.low = just_above(r->arena, lowest(r, p))};
	return (struct interval){.low = next_release(r, p, p->given - 1)};
}

static struct interval below(struct reader *r, const struct partial *p)
{
	struct semver_text numbers[SEMVER_NUMBERS] = {zero, zero, zero};

	if (p->given == 0)
		return nothing;
	if (p->given == SEMVER_NUMBERS)
		return (struct interval){.high = lowest(r, p)};
	memcpy(numbers, p->numbers, (size_t)p->given * sizeof(*numbers));
	return (struct interval){.high = semver_core_key(r->arena, numbers)};
}

static struct interval at_most(struct reader *r, const struct partial *p)
{
	if (p->given == 0)
		return everything;
	if (p->given == SEMVER_NUMBERS)
		return (struct interval){.high = just_above(r->arena, lowest(r, p))};
	return (struct interval){.high = below_next(r, p, p->given - 1)};
}

static struct interval equal(struct reader *r, const struct partial *p)
{
	return meet(at_least(r, p), at_most(r, p));
}

/* ~1.4.2: patches may differ; ~1: minors too. */
static struct interval tilde(struct reader *r, const struct partial *p)
{
	if (p->given == 0)
		return everything;
	const int part = p->given > 1 ? SEMVER_MINOR : SEMVER_MAJOR;
	return (struct interval){lowest(r, p), below_next(r, p, part)};
}

/* ^1.4.2: whatever follows the first number that is not zero may differ. */
static struct interval caret(struct reader *r, const struct partial *p)
{
	int part = 0;

	if (p->given == 0)
		return everything;
	while (part + 1 < p->given && *p->numbers[part].at == '0')
		part++;
	return (struct interval){lowest(r, p), below_next(r, p, part)};
}

struct operator
{
	const char *sign;
	struct interval (*interval)(struct reader * r, const struct partial *p);
};

/* Longer signs first. The last one is for a version without a sign. */
static const struct operator operators[] = {
	{">=", at_least}, {"<=", at_most}, {">", above}, {"<", below},
	{"=", equal},     {"^", caret},    {"~", tilde}, {"", equal},
};

/* ---- ranges ---------------------------------------------------------------------- */

struct reading {
	struct interval whole;
	struct interval named[RANGE_COMPARATORS]; /* cores that a prerelease names */
	int nnamed, ncomparators;
};

static const struct operator* operator_of(struct semver_text *rest)
{
	const struct operator* op = operators;

	while (strncmp(rest->at, op->sign, strlen(op->sign)) != 0)
		op++;
	rest->at += strlen(op->sign);
	rest->len -= strlen(op->sign);
	return op;
}

static void skip_spaces(struct semver_text *s)
{
	while (s->len && *s->at == ' ')
		s->at++, s->len--;
}

static struct semver_text next_word(struct semver_text *rest)
{
	struct semver_text word = {rest->at, 0};

	while (word.len < rest->len && !ascii_one_of(rest->at[word.len], " <>=^~"))
		word.len++;
	rest->at += word.len;
	rest->len -= word.len;
	return word;
}

/* From the lowest key of the core to its release: where its prereleases lie. */
static struct interval prereleases_of(struct reader *r, const struct semver *v)
{
	struct semver release = {0};

	memcpy(release.numbers, v->numbers, sizeof(release.numbers));
	return (struct interval){semver_core_key(r->arena, v->numbers),
				 semver_key(r->arena, &release)};
}

static struct problem bare_partial(struct reader *r, struct semver_text word)
{
	return FAULT(r,
		     "%s could mean several things; write %.*s.x or ^%.*s for a range, "
		     "or a full version such as %.*s%s",
		     QUOTED(r, word), PLAIN(word), PLAIN(word), PLAIN(word),
		     memchr(word.at, '.', word.len) ? ".0" : ".0.0");
}

static struct problem read_comparator(struct reader *r, struct semver_text *rest,
				      struct reading *out)
{
	const struct operator* op = operator_of(rest);
	struct partial p;

	skip_spaces(rest);
	const struct semver_text word = next_word(rest);
	if (word.len == 0)
		return FAULT(r, "a version has to follow %s in %s",
			     *op->sign ? op->sign : "the range", QUOTED(r, r->whole));
	TRY(read_version(r, word, &p));
	if (!*op->sign && p.given < SEMVER_NUMBERS && !p.wild)
		return bare_partial(r, word);
	if (++out->ncomparators > RANGE_COMPARATORS)
		return FAULT(r, "a range has at most %d comparators", RANGE_COMPARATORS);
	out->whole = meet(out->whole, op->interval(r, &p));
	if (semver_is_prerelease(&p.version))
		out->named[out->nnamed++] = prereleases_of(r, &p.version);
	return NO_PROBLEM;
}

static void add_pair(struct version_range *out, struct interval i)
{
	out->keys[out->nkeys++] = i.low;
	out->keys[out->nkeys++] = i.high;
}

static bool has_low(const struct version_range *range, struct bytes low)
{
	for (size_t i = 2; i < range->nkeys; i += 2) {
		if (compare(range->keys[i], low) == 0)
			return true;
	}
	return false;
}

static struct version_range keys_of(const struct reading *reading)
{
	struct version_range out = {0};

	add_pair(&out, reading->whole);
	for (int i = 0; i < reading->nnamed; i++) {
		const struct interval seen = meet(reading->named[i], reading->whole);

		if (!is_empty(seen) && !has_low(&out, seen.low)) {
			assert(out.nkeys < RANGE_KEYS); /* two cores at most: version_range.h */
			add_pair(&out, seen);
		}
	}
	return out;
}

struct problem version_range_read(struct arena *a, const char *where, const char *s, size_t len,
				  struct version_range *out)
{
	struct reader r = {a, where, {s, len}};
	struct semver_text rest = r.whole;
	struct reading reading = {.whole = everything};

	while (rest.len) {
		TRY(read_comparator(&r, &rest, &reading));
		skip_spaces(&rest);
	}
	*out = keys_of(&reading);
	return NO_PROBLEM;
}
