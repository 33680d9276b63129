#include "registry/reference.h"

#include <stdbool.h>
#include <string.h>

#include "base/quote.h"
#include "base/text.h"
#include "registry/name.h"
#include "registry/semver.h"
#include "registry/version_range.h"

static const char *const kind_names[] = {
	[REFERENCE_EXACT] = "exact", [REFERENCE_RANGE] = "range",     [REFERENCE_NEWEST] = "newest",
	[REFERENCE_ALIAS] = "alias", [REFERENCE_ORDINAL] = "ordinal",
};

struct reader {
	struct arena *arena;
	const char *where;
	struct semver_text whole;
};

#define QUOTED(r)     quote((r)->arena, (r)->whole.at, (r)->whole.len)
#define FAULT(r, ...) problem_at((r)->arena, (r)->where, __VA_ARGS__)

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
	const struct semver_text digits = {r->whole.at + 1, r->whole.len - 1};
	static const char most[] = "9223372036854775807";
	const size_t room = sizeof(most) - 1;

	if (*digits.at == '0')
		return FAULT(r, "%s is no ordinal; they count from v1, without leading zeros",
			     QUOTED(r));
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

static struct problem read_range(struct reader *r, struct reference *out)
{
	struct version_range range;

	TRY(version_range_read(r->arena, r->where, r->whole.at, r->whole.len, &range));
	out->kind = REFERENCE_RANGE;
	memcpy(out->keys, range.keys, sizeof(out->keys));
	out->nkeys = range.nkeys;
	return NO_PROBLEM;
}

static struct problem read_latest(struct reader *r, struct reference *out)
{
	r->whole = (struct semver_text){"*", 1};
	return read_range(r, out);
}

static struct problem read_alternatives(struct reader *r, struct reference *out)
{
	(void)out;
	return FAULT(r,
		     "%s joins ranges with ||; a reference is one range, so ask for each by itself",
		     QUOTED(r));
}

static struct problem read_hyphen(struct reader *r, struct reference *out)
{
	(void)out;
	return FAULT(r, "%s is a hyphen range; write >=LOW <=HIGH, such as >=1.2.0 <=1.4.2",
		     QUOTED(r));
}

static struct problem read_spaced(struct reader *r, struct reference *out)
{
	(void)out;
	return FAULT(r, "%s has a space at an end; leave it out", QUOTED(r));
}

static bool is_newest(struct semver_text s)
{
	return text_is(s.at, s.len, "newest");
}

static bool is_latest(struct semver_text s)
{
	return text_is(s.at, s.len, "latest");
}

static bool is_alias(struct semver_text s)
{
	return *s.at == '@';
}

static bool is_ordinal(struct semver_text s)
{
	return s.len > 1 && *s.at == 'v' && strspn(s.at + 1, "0123456789") == s.len - 1;
}

static bool is_spaced(struct semver_text s)
{
	return *s.at == ' ' || s.at[s.len - 1] == ' ';
}

static bool is_alternatives(struct semver_text s)
{
	return memmem(s.at, s.len, "||", 2) != NULL;
}

static bool is_hyphen(struct semver_text s)
{
	return memmem(s.at, s.len, " - ", 3) != NULL;
}

static bool is_exact(struct semver_text s)
{
	return semver_looks_full(s) && !memchr(s.at, ' ', s.len);
}

static bool is_any(struct semver_text s)
{
	(void)s;
	return true;
}

/* The first form that fits reads it. */
static const struct form {
	bool (*fits)(struct semver_text s);
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
