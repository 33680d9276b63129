#include "base/problem.h"

#include <stdbool.h>

const struct problem_kind problem_kinds[PROBLEM_COUNT] = {
#define X(code, status, type, title) [PROBLEM_##code] = {status, type, title},
	PROBLEM_TABLE(X)
#undef X
};

__attribute__((format(printf, 3, 0))) static struct problem
problem_of(struct arena *a, struct problem_error where, const char *fmt, va_list ap)
{
	struct problem_error *e = arena_alloc(a, sizeof(*e));

	*e = where;
	e->detail = arena_vprintf(a, fmt, ap);
	return (struct problem){.code = PROBLEM_INVALID, .detail = e->detail, .errors = e};
}

struct problem problem(struct arena *a, enum problem_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct problem p = {.code = code, .detail = arena_vprintf(a, fmt, ap)};
	va_end(ap);
	return p;
}

struct problem problem_at_pointer(struct arena *a, const char *pointer, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct problem p = problem_of(a, (struct problem_error){.pointer = pointer}, fmt, ap);
	va_end(ap);
	return p;
}

struct problem problem_at_parameter(struct arena *a, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct problem p = problem_of(a, (struct problem_error){.parameter = name}, fmt, ap);
	va_end(ap);
	return p;
}

struct problem problem_at_header(struct arena *a, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct problem p = problem_of(a, (struct problem_error){.header = name}, fmt, ap);
	va_end(ap);
	return p;
}

struct problem problem_at(struct arena *a, const char *where, const char *fmt, ...)
{
	const bool pointer = where && (*where == '\0' || *where == '/');
	const struct problem_error place = {.pointer = pointer ? where : NULL,
					    .parameter = pointer ? NULL : where};
	va_list ap;

	va_start(ap, fmt);
	struct problem p = problem_of(a, place, fmt, ap);
	va_end(ap);
	if (!where)
		p.errors = NULL;
	return p;
}
