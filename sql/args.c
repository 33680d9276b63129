#include "sql/args.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "sql/moment.h"
#include "sql/oid.h"

enum { TEXT, BINARY };

struct args args_new(struct arena *a)
{
	struct args s;

	s.arena = a; /* the arrays are filled as arguments come: not cleared on every request */
	s.n = 0;
	return s;
}

size_t args_size(const struct args *s, int i)
{
	if (!s->value[i])
		return 0;
	return s->format[i] == TEXT ? strlen(s->value[i]) : (size_t)s->length[i];
}

/* FNV-1a. A NULL and an empty text hash alike, and are told apart by args_equal(). */
uint64_t args_hash(const struct args *s)
{
	uint64_t h = 14695981039346656037U;

	for (int i = 0; i < s->n; i++) {
		const unsigned char *at = (const unsigned char *)s->value[i];
		const size_t size = args_size(s, i);

		for (size_t k = 0; k < size; k++)
			h = (h ^ at[k]) * 1099511628211U;
		h = (h ^ size) * 1099511628211U;
	}
	return h;
}

static bool same_value(const struct args *a, const struct args *b, int i)
{
	if (!a->value[i] || !b->value[i])
		return a->value[i] == b->value[i];
	if (a->format[i] != b->format[i])
		return false;
	const size_t size = args_size(a, i);
	return size == args_size(b, i) && memcmp(a->value[i], b->value[i], size) == 0;
}

bool args_equal(const struct args *a, const struct args *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++) {
		if (!same_value(a, b, i))
			return false;
	}
	return true;
}

static void put(struct args *s, const void *value, size_t len, int format)
{
	assert(s->n < ARGS_MAX && len <= INT_MAX);
	s->value[s->n] = value;
	s->length[s->n] = (int)len;
	s->format[s->n++] = format;
}

/* A NULL still names its format, and text is what every type can be. */
void arg_null(struct args *s)
{
	put(s, NULL, 0, TEXT);
}

void arg_text(struct args *s, const char *text)
{
	put(s, text, 0, TEXT); /* libpq measures text itself */
}

void arg_bytes(struct args *s, struct bytes b)
{
	put(s, b.data, b.len, BINARY);
}

static void put_copy(struct args *s, const void *value, size_t len)
{
	put(s, memcpy(arena_bytes(s->arena, len), value, len), len, BINARY);
}

void arg_bool(struct args *s, bool v)
{
	put(s, v ? "\1" : "\0", 1, BINARY);
}

void arg_int4(struct args *s, int32_t v)
{
	uint32_t wire = htobe32((uint32_t)v);

	put_copy(s, &wire, sizeof(wire));
}

void arg_int8(struct args *s, int64_t v)
{
	uint64_t wire = htobe64((uint64_t)v);

	put_copy(s, &wire, sizeof(wire));
}

static uint64_t float8_wire(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return htobe64(bits);
}

void arg_float8(struct args *s, double v)
{
	uint64_t wire = float8_wire(v);

	put_copy(s, &wire, sizeof(wire));
}

void arg_uuid(struct args *s, const unsigned char *uuid)
{
	put(s, uuid, uuid ? 16 : 0, BINARY);
}

void arg_time(struct args *s, int64_t micros)
{
	if (micros == INT64_MIN)
		arg_null(s);
	else
		arg_int8(s, moment_to_wire(micros));
}

/* An array on the wire (array_recv in PostgreSQL's arrayfuncs.c): dimensions,
 * whether NULLs are among them, the elements' type, length and lower bound; then
 * each element as its length (-1: NULL) and bytes. Nothing at all in it is said by
 * no dimension. */
enum { ARRAY_EMPTY = 12, ARRAY_HEAD = 20 };

struct array {
	char *start, *end;
};

static void array_int4(struct array *w, int32_t v)
{
	uint32_t wire = htobe32((uint32_t)v);

	memcpy(w->end, &wire, sizeof(wire));
	w->end += sizeof(wire);
}

static void array_element(struct array *w, const void *value, size_t len)
{
	array_int4(w, value ? (int32_t)len : -1);
	if (value && len)
		memcpy(w->end, value, len);
	w->end += value ? len : 0;
}

/* size: what the elements take without their lengths. */
static struct array array_begin(struct args *s, unsigned type, size_t n, bool nulls, size_t size)
{
	assert(n <= INT_MAX / 4 && size <= INT_MAX - ARRAY_HEAD - 4 * n);
	struct array w = {.start = arena_bytes(s->arena, ARRAY_HEAD + 4 * n + size)};

	w.end = w.start;
	array_int4(&w, n > 0);
	array_int4(&w, nulls);
	array_int4(&w, (int32_t)type);
	if (n > 0) {
		array_int4(&w, (int32_t)n);
		array_int4(&w, 1);
	}
	return w;
}

static void array_end(struct args *s, const struct array *w)
{
	put(s, w->start, (size_t)(w->end - w->start), BINARY);
}

void arg_text_array(struct args *s, const char *const *v, size_t n)
{
	size_t size = 0;
	bool nulls = false;

	for (size_t i = 0; i < n; i++) {
		size += v[i] ? strlen(v[i]) : 0;
		nulls |= !v[i];
	}
	struct array w = array_begin(s, OID_TEXT, n, nulls, size);
	for (size_t i = 0; i < n; i++)
		array_element(&w, v[i], v[i] ? strlen(v[i]) : 0);
	array_end(s, &w);
}

void arg_bytes_array(struct args *s, const struct bytes *v, size_t n)
{
	size_t size = 0;
	bool nulls = false;

	for (size_t i = 0; i < n; i++) {
		size += v[i].data ? v[i].len : 0;
		nulls |= !v[i].data;
	}
	struct array w = array_begin(s, OID_BYTEA, n, nulls, size);
	for (size_t i = 0; i < n; i++)
		array_element(&w, v[i].data, v[i].len);
	array_end(s, &w);
}

void arg_int8_array(struct args *s, const int64_t *v, size_t n)
{
	struct array w = array_begin(s, OID_INT8, n, false, 8 * n);

	for (size_t i = 0; i < n; i++) {
		uint64_t wire = htobe64((uint64_t)v[i]);
		array_element(&w, &wire, sizeof(wire));
	}
	array_end(s, &w);
}

void arg_float8_array(struct args *s, const double *v, size_t n)
{
	struct array w = array_begin(s, OID_FLOAT8, n, false, 8 * n);

	for (size_t i = 0; i < n; i++) {
		uint64_t wire = float8_wire(v[i]);
		array_element(&w, &wire, sizeof(wire));
	}
	array_end(s, &w);
}

void arg_time_array(struct args *s, const int64_t *micros, size_t n)
{
	bool nulls = false;

	for (size_t i = 0; i < n; i++)
		nulls |= micros[i] == INT64_MIN;
	struct array w = array_begin(s, OID_TIMESTAMPTZ, n, nulls, 8 * n);
	for (size_t i = 0; i < n; i++) {
		bool null = micros[i] == INT64_MIN;
		uint64_t wire = null ? 0 : htobe64((uint64_t)moment_to_wire(micros[i]));
		array_element(&w, null ? NULL : &wire, sizeof(wire));
	}
	array_end(s, &w);
}

void arg_uuid_array(struct args *s, const unsigned char (*v)[16], size_t n)
{
	struct array w = array_begin(s, OID_UUID, n, false, 16 * n);

	for (size_t i = 0; i < n; i++)
		array_element(&w, v[i], 16);
	array_end(s, &w);
}
