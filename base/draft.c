#include "base/draft.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/json_in.h"
#include "base/nearest.h"
#include "base/quote.h"
#include "base/timestamp.h"

struct draft {
	struct arena *arena;
	struct problem_error *first, *last;
	int faults; /* those past DRAFT_FAULTS are not kept */
};

/* ---- faults ---------------------------------------------------------------------- */

struct draft *draft_new(struct arena *a)
{
	struct draft *d = arena_alloc(a, sizeof(*d));

	d->arena = a;
	return d;
}

struct arena *draft_arena(const struct draft *d)
{
	return d->arena;
}

static void add(struct draft *d, const struct problem_error *fault)
{
	if (++d->faults > DRAFT_FAULTS)
		return;
	struct problem_error *e = arena_alloc(d->arena, sizeof(*e));
	*e = *fault;
	e->next = NULL;
	if (d->last)
		d->last->next = e;
	else
		d->first = e;
	d->last = e;
}

/* There is more than will be said: no need to look further. */
static bool is_full(const struct draft *d)
{
	return d->faults > DRAFT_FAULTS;
}

void draft_fault(struct draft *d, const char *pointer, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const struct problem_error e = {.pointer = pointer,
					.detail = arena_vprintf(d->arena, fmt, ap)};
	va_end(ap);
	add(d, &e);
}

void draft_add(struct draft *d, struct problem p)
{
	if (p.code == PROBLEM_NONE)
		return;
	if (!p.errors)
		draft_fault(d, "", "%s", p.detail);
	for (const struct problem_error *e = p.errors; e; e = e->next)
		add(d, e);
}

struct problem draft_end(struct draft *d)
{
	if (d->faults == 0)
		return NO_PROBLEM;
	struct problem p = {
		.code = PROBLEM_INVALID, .detail = d->first->detail, .errors = d->first};
	if (d->faults > DRAFT_FAULTS)
		p.detail = arena_printf(d->arena, "more than %d things are wrong with the body",
					DRAFT_FAULTS);
	else if (d->faults > 1)
		p.detail = arena_printf(d->arena, "%d things are wrong with the body", d->faults);
	return p;
}

const char *pointer_member(struct arena *a, const char *pointer, const char *name)
{
	const size_t base = strlen(pointer), len = strlen(name);
	char *text = arena_bytes(a, base + 2 * len + 2), *p = text;

	p = mempcpy(p, pointer, base);
	*p++ = '/';
	for (const char *c = name; *c; c++) {
		if (*c == '~' || *c == '/') {
			*p++ = '~';
			*p++ = *c == '~' ? '0' : '1';
		} else {
			*p++ = *c;
		}
	}
	*p = '\0';
	return text;
}

const char *pointer_item(struct arena *a, const char *pointer, size_t i)
{
	return arena_printf(a, "%s/%zu", pointer, i);
}

/* ---- members -------------------------------------------------------------------------- */

static const char *const json_type_names[] = {
	[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "text",
	[JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
	[JSON_FALSE] = "false",        [JSON_NULL] = "null",
};

/* One member on its way from the tree into the struct. */
struct member {
	struct draft *draft;
	const struct draft_field *field;
	const char *pointer;
	const json_t *value;
	void *out;
};

#define FAULT(m, ...) problem_at_pointer((m)->draft->arena, (m)->pointer, __VA_ARGS__)

static struct problem wrong_type(const struct member *m, const char *wanted)
{
	return FAULT(m, "this has to be %s, not %s", wanted,
		     json_type_names[json_typeof(m->value)]);
}

static struct problem check_size(const struct member *m, size_t n, const char *what)
{
	const struct draft_field *f = m->field;

	if ((f->min == 0 && f->max == 0) || ((int64_t)n >= f->min && (int64_t)n <= f->max))
		return NO_PROBLEM;
	return FAULT(m, "this has to have %lld to %lld %s, it has %zu", (long long)f->min,
		     (long long)f->max, what, n);
}

static struct problem read_text(const struct member *m)
{
	const char *s = json_string_value(m->value);
	const size_t len = json_string_length(m->value);

	if (!s)
		return wrong_type(m, "text");
	TRY(check_size(m, len, "bytes"));
	if (m->field->rule)
		TRY(m->field->rule(m->draft->arena, m->pointer, s, len));
	*(const char **)m->out = s;
	return NO_PROBLEM;
}

static struct problem read_int(const struct member *m)
{
	const struct draft_field *f = m->field;

	if (!json_is_integer(m->value))
		return wrong_type(m, "an integer");
	const int64_t v = json_integer_value(m->value);
	if ((f->min || f->max) && (v < f->min || v > f->max))
		return FAULT(m, "this has to be %lld to %lld, not %lld", (long long)f->min,
			     (long long)f->max, (long long)v);
	*(int64_t *)m->out = v;
	return NO_PROBLEM;
}

static struct problem read_number(const struct member *m)
{
	if (!json_is_number(m->value))
		return wrong_type(m, "a number");
	*(double *)m->out = json_number_value(m->value);
	return NO_PROBLEM;
}

static struct problem read_bool(const struct member *m)
{
	if (!json_is_boolean(m->value))
		return wrong_type(m, "true or false");
	*(bool *)m->out = json_is_true(m->value);
	return NO_PROBLEM;
}

static struct problem read_time(const struct member *m)
{
	const char *s = json_string_value(m->value);

	if (!s)
		return wrong_type(m, "a time as text, such as \"2026-01-13T22:03:16Z\"");
	if (!timestamp_read(s, m->out))
		return FAULT(m,
			     "%s is not an RFC 3339 time; write one such as 2026-01-13T22:03:16Z",
			     quote(m->draft->arena, s, strlen(s)));
	return NO_PROBLEM;
}

/* "a, b, c" */
static const char *joined(struct arena *a, const char *const *words, size_t n)
{
	const char *text = n ? words[0] : "";

	for (size_t i = 1; i < n; i++)
		text = arena_printf(a, "%s, %s", text, words[i]);
	return text;
}

static struct problem read_word(const struct member *m)
{
	const char *s = json_string_value(m->value);
	const char *const *words = m->field->words;
	struct arena *a = m->draft->arena;
	int n = 0;

	if (!s)
		return wrong_type(m, "text");
	while (words[n] && strcmp(words[n], s) != 0)
		n++;
	if (!words[n])
		return FAULT(m, "%s is not known here; write one of: %s", quote(a, s, strlen(s)),
			     joined(a, words, (size_t)n));
	*(int *)m->out = n;
	return NO_PROBLEM;
}

static struct problem read_any(const struct member *m)
{
	*(const json_t **)m->out = m->value;
	if (m->field->look)
		m->field->look(m->draft, m->pointer, m->value);
	return NO_PROBLEM;
}

static struct problem read_object(const struct member *m)
{
	if (!json_is_object(m->value))
		return wrong_type(m, "an object");
	TRY(check_size(m, json_object_size(m->value), "members"));
	return read_any(m);
}

static struct problem read_array(const struct member *m)
{
	if (!json_is_array(m->value))
		return wrong_type(m, "an array");
	TRY(check_size(m, json_array_size(m->value), "items"));
	return read_any(m);
}

static struct problem read_list(const struct member *m)
{
	const struct draft_shape *shape = m->field->shape;
	struct draft *d = m->draft;
	struct draft_list *list = m->out;

	if (!json_is_array(m->value))
		return wrong_type(m, "an array of objects");
	const size_t n = json_array_size(m->value);
	TRY(check_size(m, n, "items"));
	*list = (struct draft_list){arena_calloc(d->arena, n, shape->size), n};
	for (size_t i = 0; i < n && !is_full(d); i++)
		draft_read(d, pointer_item(d->arena, m->pointer, i), json_array_get(m->value, i),
			   shape, (char *)list->items + i * shape->size);
	return NO_PROBLEM;
}

static void clear_pointer(void *out)
{
	*(const void **)out = NULL;
}

static void clear_int64(void *out)
{
	*(int64_t *)out = INT64_MIN;
}

static void clear_number(void *out)
{
	*(double *)out = NAN;
}

static void clear_bool(void *out)
{
	*(bool *)out = false;
}

static void clear_word(void *out)
{
	*(int *)out = -1;
}

static void clear_list(void *out)
{
	*(struct draft_list *)out = (struct draft_list){0};
}

static const struct {
	struct problem (*read)(const struct member *m);
	void (*clear)(void *out);
} types[] = {
	[DRAFT_TEXT] = {read_text, clear_pointer},     [DRAFT_INT] = {read_int, clear_int64},
	[DRAFT_NUMBER] = {read_number, clear_number},  [DRAFT_BOOL] = {read_bool, clear_bool},
	[DRAFT_TIME] = {read_time, clear_int64},       [DRAFT_WORD] = {read_word, clear_word},
	[DRAFT_OBJECT] = {read_object, clear_pointer}, [DRAFT_ARRAY] = {read_array, clear_pointer},
	[DRAFT_ANY] = {read_any, clear_pointer},       [DRAFT_LIST] = {read_list, clear_list},
};

/* ---- objects --------------------------------------------------------------------------- */

static void read_field(struct draft *d, const char *pointer, const json_t *object,
		       const struct draft_field *f, char *out)
{
	const json_t *value = json_object_get(object, f->name);
	const struct member m = {d, f, value ? pointer_member(d->arena, pointer, f->name) : NULL,
				 value, out + f->offset};

	if (f->given)
		*(bool *)(out + f->given) = value != NULL;
	if (!value && f->required)
		draft_fault(d, pointer, "the member \"%s\" is missing", f->name);
	if (!value || (f->nullable && json_is_null(value)))
		return;
	draft_add(d, json_is_null(value) ? FAULT(&m, "this cannot be null; leave it out instead")
					 : types[f->type].read(&m));
}

static struct problem unknown(struct arena *a, const char *pointer, const char *name,
			      const struct draft_shape *shape)
{
	const char **known = arena_array(a, const char *, shape->nfields);

	for (size_t i = 0; i < shape->nfields; i++)
		known[i] = shape->fields[i].name;
	const char *near = nearest_word(name, known, shape->nfields);
	const char *at = pointer_member(a, pointer, name);
	const char *shown = quote(a, name, strlen(name));

	if (near)
		return problem_at_pointer(a, at, "%s is not known here; did you mean \"%s\"?",
					  shown, near);
	return problem_at_pointer(a, at, "%s is not known here; known are: %s", shown,
				  joined(a, known, shape->nfields));
}

static bool knows(const struct draft_shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->nfields; i++) {
		if (strcmp(shape->fields[i].name, name) == 0)
			return true;
	}
	return false;
}

static void name_strangers(struct draft *d, const char *pointer, const json_t *object,
			   const struct draft_shape *shape)
{
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)object, name, member)
	{
		if (!knows(shape, name) && !is_full(d))
			draft_add(d, unknown(d->arena, pointer, name, shape));
	}
}

bool draft_read(struct draft *d, const char *pointer, const json_t *value,
		const struct draft_shape *shape, void *out)
{
	const int before = d->faults;

	memset(out, 0, shape->size);
	for (size_t i = 0; i < shape->nfields; i++)
		types[shape->fields[i].type].clear((char *)out + shape->fields[i].offset);
	if (!json_is_object(value)) {
		draft_fault(d, pointer, "this has to be an object, not %s",
			    json_type_names[json_typeof(value)]);
		return false;
	}
	for (size_t i = 0; i < shape->nfields; i++)
		read_field(d, pointer, value, &shape->fields[i], out);
	name_strangers(d, pointer, value, shape);
	if (d->faults == before && shape->check)
		shape->check(d, pointer, out);
	return d->faults == before;
}

struct problem draft_body(struct arena *a, const char *bytes, size_t len,
			  const struct draft_shape *shape, void *out)
{
	struct draft *d = draft_new(a);
	json_t *root = NULL;

	TRY(json_in(a, bytes, len, &root));
	assert(root); /* no problem, so there is a tree */
	draft_read(d, "", root, shape, out);
	return draft_end(d);
}
