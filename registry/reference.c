#include "registry/reference.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/quote.h"
#include "registry/name.h"
#include "registry/semver.h"

static const char *const kind_names[] = {
	[REFERENCE_EXACT] = "exact", [REFERENCE_RANGE] = "range",     [REFERENCE_NEWEST] = "newest",
	[REFERENCE_ALIAS] = "alias", [REFERENCE_ORDINAL] = "ordinal",
};

struct span {
	const char *at;
	size_t len;
};

struct reader {
	struct arena *arena;
	const char *where;
	struct span whole;
};

#define QUOTED(r, span) quote((r)->arena, (span).at, (span).len)
#define FAULT(r, ...)   problem_at((r)->arena, (r)->where, __VA_ARGS__)

/* The same as "%.*s", for what has been found to be plain ASCII. */
#define SPAN(span) (int)(span).len, (span).at

static bool span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static bool one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

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

static bool is_wild(struct span part)
{
	return part.len == 1 && one_of(*part.at, "xX*");
}

static struct problem read_part(struct reader *r, struct span part, struct span whole,
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
			     SPAN(((struct span){part.at + 1, part.len - 1})));
	if (out->wild)
		return FAULT(r, "%s has a number after x; only x may follow x", QUOTED(r, whole));
	out->numbers[out->given++] = (struct semver_text){part.at, part.len};
	return NO_PROBLEM;
}

/* Numbers of fewer than three, or with x: no prerelease, no build. */
static struct problem read_open_version(struct reader *r, struct span s, struct partial *out)
{
	const char *at = s.at, *const end = s.at + s.len;

	for (int part = 0;; part++) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot ? dot : end;

		if (part == SEMVER_NUMBERS)
			return FAULT(r, "%s has more than three numbers", QUOTED(r, s));
		TRY(read_part(r, (struct span){at, (size_t)(stop - at)}, s, out));
		if (!dot)
			return NO_PROBLEM;
		at = dot + 1;
	}
}

static bool looks_full(struct span s)
{
	int dots = 0;
	size_t i = s.len > 1 && *s.at == 'v' && is_digit(s.at[1]);

	while (i < s.len && (is_digit(s.at[i]) || s.at[i] == '.'))
		dots += s.at[i++] == '.';
	return dots >= 2 && i > 0 && !(i < s.len && one_of(s.at[i], "xX*") && s.at[i - 1] == '.');
}

static struct problem read_version(struct reader *r, struct span s, struct partial *out)
{
	*out = (struct partial){0};
	if (s.len > SEMVER_MAX + 1)
		return FAULT(r, "a version in a range has at most %d bytes", SEMVER_MAX);
	if (!looks_full(s))
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

struct range {
	struct interval whole;
	struct interval named[REFERENCE_COMPARATORS]; /* cores that a prerelease names */
	int nnamed, ncomparators;
};

static const struct operator* operator_of(struct span *rest)
{
	const struct operator* op = operators;

	while (strncmp(rest->at, op->sign, strlen(op->sign)) != 0)
		op++;
	rest->at += strlen(op->sign);
	rest->len -= strlen(op->sign);
	return op;
}

static void skip_spaces(struct span *s)
{
	while (s->len && *s->at == ' ')
		s->at++, s->len--;
}

static struct span next_word(struct span *rest)
{
	struct span word = {rest->at, 0};

	while (word.len < rest->len && !one_of(rest->at[word.len], " <>=^~"))
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

static struct problem bare_partial(struct reader *r, struct span word)
{
	return FAULT(r,
		     "%s could mean several things; write %.*s.x or ^%.*s for a range, "
		     "or a full version such as %.*s%s",
		     QUOTED(r, word), SPAN(word), SPAN(word), SPAN(word),
		     memchr(word.at, '.', word.len) ? ".0" : ".0.0");
}

static struct problem read_comparator(struct reader *r, struct span *rest, struct range *out)
{
	const struct operator* op = operator_of(rest);
	struct partial p;

	skip_spaces(rest);
	const struct span word = next_word(rest);
	if (word.len == 0)
		return FAULT(r, "a version has to follow %s in %s",
			     *op->sign ? op->sign : "the range", QUOTED(r, r->whole));
	TRY(read_version(r, word, &p));
	if (!*op->sign && p.given < SEMVER_NUMBERS && !p.wild)
		return bare_partial(r, word);
	if (++out->ncomparators > REFERENCE_COMPARATORS)
		return FAULT(r, "a range has at most %d comparators", REFERENCE_COMPARATORS);
	out->whole = meet(out->whole, op->interval(r, &p));
	if (semver_is_prerelease(&p.version))
		out->named[out->nnamed++] = prereleases_of(r, &p.version);
	return NO_PROBLEM;
}

static void add_pair(struct reference *out, struct interval i)
{
	out->keys[out->nkeys++] = i.low;
	out->keys[out->nkeys++] = i.high;
}

static bool has_low(const struct reference *r, struct bytes low)
{
	for (size_t i = 2; i < r->nkeys; i += 2) {
		if (compare(r->keys[i], low) == 0)
			return true;
	}
	return false;
}

static struct problem read_range(struct reader *r, struct reference *out)
{
	struct range range = {.whole = everything};
	struct span rest = r->whole;

	while (rest.len) {
		TRY(read_comparator(r, &rest, &range));
		skip_spaces(&rest);
	}
	out->kind = REFERENCE_RANGE;
	add_pair(out, range.whole);
	for (int i = 0; i < range.nnamed; i++) {
		const struct interval seen = meet(range.named[i], range.whole);

		if (!is_empty(seen) && !has_low(out, seen.low)) {
			assert(out->nkeys < REFERENCE_KEYS); /* two cores at most: reference.h */
			add_pair(out, seen);
		}
	}
	return NO_PROBLEM;
}

/* ---- the forms -------------------------------------------------------------------- */

static struct problem read_exact(struct reader *r, struct reference *out)
{
	struct semver v;

	TRY(semver_read(r->arena, r->where, r->whole.at, r->whole.len, &v));
	out->kind = REFERENCE_EXACT;
	out->keys[out->nkeys++] = semver_key(r->arena, &v);
	out->word = v.build.at ? v.text : NULL;
	return NO_PROBLEM;
}

static struct problem read_alias(struct reader *r, struct reference *out)
{
	TRY(name_alias(r->arena, r->where, r->whole.at + 1, r->whole.len - 1));
	out->kind = REFERENCE_ALIAS;
	out->word = out->text + 1;
	return NO_PROBLEM;
}

/* v7, up to what an int8 holds. */
static struct problem read_ordinal(struct reader *r, struct reference *out)
{
	const struct span digits = {r->whole.at + 1, r->whole.len - 1};
	static const char most[] = "9223372036854775807";
	const size_t room = sizeof(most) - 1;

	if (*digits.at == '0')
		return FAULT(r, "%s is no ordinal; they count from v1, without leading zeros",
			     QUOTED(r, r->whole));
	if (digits.len > room || (digits.len == room && memcmp(digits.at, most, room) > 0))
		return FAULT(r, "an ordinal is at most v%s", most);
	out->kind = REFERENCE_ORDINAL;
	out->word = out->text + 1;
	return NO_PROBLEM;
}

static struct problem read_newest(struct reader *r, struct reference *out)
{
	(void)r;
	out->kind = REFERENCE_NEWEST;
	return NO_PROBLEM;
}

static struct problem read_latest(struct reader *r, struct reference *out)
{
	(void)r;
	out->kind = REFERENCE_RANGE;
	add_pair(out, everything);
	return NO_PROBLEM;
}

static struct problem read_alternatives(struct reader *r, struct reference *out)
{
	(void)out;
	return FAULT(r,
		     "%s joins ranges with ||; a reference is one range, so ask for each by itself",
		     QUOTED(r, r->whole));
}

static struct problem read_hyphen(struct reader *r, struct reference *out)
{
	(void)out;
	return FAULT(r, "%s is a hyphen range; write >=LOW <=HIGH, such as >=1.2.0 <=1.4.2",
		     QUOTED(r, r->whole));
}

static struct problem read_spaced(struct reader *r, struct reference *out)
{
	(void)out;
	return FAULT(r, "%s has a space at an end; leave it out", QUOTED(r, r->whole));
}

static bool is_newest(struct span s)
{
	return span_is(s, "newest");
}

static bool is_latest(struct span s)
{
	return span_is(s, "latest");
}

static bool is_alias(struct span s)
{
	return *s.at == '@';
}

static bool is_ordinal(struct span s)
{
	return s.len > 1 && *s.at == 'v' && strspn(s.at + 1, "0123456789") == s.len - 1;
}

static bool is_spaced(struct span s)
{
	return *s.at == ' ' || s.at[s.len - 1] == ' ';
}

static bool is_alternatives(struct span s)
{
	return memmem(s.at, s.len, "||", 2) != NULL;
}

static bool is_hyphen(struct span s)
{
	return memmem(s.at, s.len, " - ", 3) != NULL;
}

static bool is_exact(struct span s)
{
	return looks_full(s) && !memchr(s.at, ' ', s.len);
}

static bool is_any(struct span s)
{
	(void)s;
	return true;
}

/* The first form that fits reads it. */
static const struct form {
	bool (*fits)(struct span s);
	struct problem (*read)(struct reader *r, struct reference *out);
} forms[] = {
	{is_spaced, read_spaced}, {is_latest, read_latest},   {is_newest, read_newest},
	{is_alias, read_alias},   {is_ordinal, read_ordinal}, {is_alternatives, read_alternatives},
	{is_hyphen, read_hyphen}, {is_exact, read_exact},     {is_any, read_range},
};

struct problem reference_read(struct arena *a, const char *where, const char *s, size_t len,
			      struct reference *out)
{
	const struct form *form = forms;

	*out = (struct reference){0};
	if (len == 0)
		return problem_at(a, where,
				  "a version reference cannot be empty; write latest "
				  "for the highest release");
	if (len > REFERENCE_MAX)
		return problem_at(a, where,
				  "a version reference has at most %d bytes, this has %zu",
				  REFERENCE_MAX, len);
	out->text = arena_dup(a, s, len);

	struct reader r = {a, where, {out->text, len}};
	while (!form->fits(r.whole))
		form++;
	/* cppcheck-suppress returnDanglingLifetime; a problem lives in the arena */
	return form->read(&r, out);
}

const char *reference_kind_name(enum reference_kind kind)
{
	return kind_names[kind];
}

void reference_args(struct args *args, const struct reference *r)
{
	arg_text(args, kind_names[r->kind]);
	if (r->nkeys)
		arg_bytes_array(args, r->keys, r->nkeys);
	else
		arg_null(args);
	arg_text(args, r->word);
}

void reference_write(struct json_out *j, const char *project, const char *model,
		     const struct reference *r)
{
	jw_object(j);
	jw_key(j, "project"), jw_text(j, project);
	jw_key(j, "model"), jw_text(j, model);
	jw_key(j, "kind"), jw_text(j, kind_names[r->kind]);
	jw_key(j, "keys");
	jw_array(j);
	for (size_t i = 0; i < r->nkeys; i++) {
		if (r->keys[i].data)
			jw_hex(j, r->keys[i].data, r->keys[i].len);
		else
			jw_null(j);
	}
	jw_end_array(j);
	jw_key(j, "word"), jw_text(j, r->word);
	jw_end_object(j);
}

struct problem version_name_read(struct arena *a, const char *where, const char *s, size_t len,
				 struct version_name *out)
{
	const char *slash = memchr(s, '/', len);
	const char *at = slash ? memchr(slash, '@', len - (size_t)(slash - s)) : NULL;

	*out = (struct version_name){0};
	if (!at)
		return problem_at(a, where,
				  "%s does not name a version; write PROJECT/MODEL@VERSION, "
				  "such as default/minilm@1.0.0",
				  quote(a, s, len));
	const size_t project = (size_t)(slash - s), model = (size_t)(at - slash) - 1;
	TRY(name_project(a, where, s, project));
	TRY(name_model(a, where, slash + 1, model));
	out->project = arena_dup(a, s, project);
	out->model = arena_dup(a, slash + 1, model);
	return reference_read(a, where, at + 1, len - (size_t)(at - s) - 1, &out->reference);
}
