/* f_row.c - whatever a server sends as a row, row_read() refuses it or fills the struct, as a plain
 * reading of the cells says.
 *
 * Input: per column one byte of kind and one of length, then so many bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sql/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wide {
	bool yes;
	int32_t small;
	int64_t big;
	double real;
	const char *text, *json, *jsonb;
	struct bytes bytes;
	unsigned char uuid[16];
	int64_t at;
	struct texts texts;
	struct uuids uuids;
};

static const struct column columns[] = {
	NULLABLE(struct wide, yes, OID_BOOL),         NULLABLE(struct wide, small, OID_INT4),
	NULLABLE(struct wide, big, OID_INT8),         COLUMN(struct wide, real, OID_FLOAT8),
	NULLABLE(struct wide, text, OID_TEXT),        NULLABLE(struct wide, json, OID_JSON),
	NULLABLE(struct wide, jsonb, OID_JSONB),      COLUMN(struct wide, bytes, OID_BYTEA),
	NULLABLE(struct wide, uuid, OID_UUID),        NULLABLE(struct wide, at, OID_TIMESTAMPTZ),
	NULLABLE(struct wide, texts, OID_TEXT_ARRAY), NULLABLE(struct wide, uuids, OID_UUID_ARRAY),
};
enum { NCOLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* The kind says NULL, another type, another name, text format, or nothing unusual. */
static PGresAttDesc describe(int i, uint8_t kind)
{
	return (PGresAttDesc){.name = (char *)(kind == 2 ? "other" : columns[i].name),
			      .typid = kind == 1 ? OID_INT2 : columns[i].type,
			      .format = kind != 3};
}

/* ---- a plain reading ---- */

static uint64_t number(const char *cell, int len)
{
	uint64_t v = 0;

	for (int i = 0; i < len; i++)
		v = v << 8 | (unsigned char)cell[i];
	return v;
}

static bool one_text(const char *cell, int len)
{
	return !memchr(cell, '\0', (size_t)len);
}

/* The length of the element at an offset; -1: NULL, -2: it is not all there. */
static int element(const char *cell, int len, int at)
{
	const uint64_t told = at + 4 <= len ? number(cell + at, 4) : 0;

	if (at + 4 > len)
		return -2;
	if (told == UINT32_MAX)
		return -1;
	return told <= (uint64_t)(len - at - 4) ? (int)told : -2;
}

/* The elements of an array, each of so many bytes (0: a text); -1: it is none. */
static int elements(const char *cell, int len, uint64_t type, int size)
{
	int at = 20, n = 0;

	if (len < 12 || number(cell + 8, 4) != type || number(cell, 4) > 1)
		return -1;
	if (number(cell, 4) == 0)
		return len == 12 ? 0 : -1;
	while (at < len) {
		const int e = element(cell, len, at);

		if (e == -2 || (e >= 0 && size > 0 && e != size) ||
		    (e > 0 && size == 0 && !one_text(cell + at + 4, e)))
			return -1;
		at += 4 + (e > 0 ? e : 0);
		n++;
	}
	return len >= 20 && number(cell + 12, 4) == (uint64_t)n ? n : -1;
}

/* libpq tells a length of 0 for NULL; a length of -1 here is NULL. */
static bool well_formed(int i, const char *cell, int len)
{
	if (len < 0)
		return columns[i].nullable;
	switch (columns[i].type) {
	case OID_BOOL:
		return len == 1 && (unsigned char)cell[0] <= 1;
	case OID_INT4:
		return len == 4;
	case OID_INT8:
	case OID_FLOAT8:
		return len == 8;
	case OID_TIMESTAMPTZ: /* neither infinity, nor what 1970 cannot count to */
		return len == 8 && number(cell, 8) != UINT64_C(1) << 63 &&
		       (int64_t)number(cell, 8) <= INT64_MAX - INT64_C(946684800000000);
	case OID_UUID:
		return len == 16;
	case OID_JSONB:
		return len >= 1 && cell[0] == 1 && one_text(cell + 1, len - 1);
	case OID_BYTEA:
		return true;
	case OID_TEXT_ARRAY:
		return elements(cell, len, OID_TEXT, 0) >= 0;
	case OID_UUID_ARRAY:
		return elements(cell, len, OID_UUID, 16) >= 0;
	default:
		return one_text(cell, len);
	}
}

static void check_text(const char *text, const char *cell, int len)
{
	assert(len < 0 ? text == NULL
		       : strlen(text) == (size_t)len && memcmp(text, cell, (size_t)len) == 0);
}

static void check_numbers(const struct wide *w, char cells[][256], const int lengths[])
{
	uint64_t real;

	memcpy(&real, &w->real, sizeof(real));
	assert(w->yes == (lengths[0] > 0 && cells[0][0] == 1));
	assert(w->small == (lengths[1] < 0 ? 0 : (int32_t)number(cells[1], 4)));
	assert(w->big == (lengths[2] < 0 ? 0 : (int64_t)number(cells[2], 8)));
	assert(real == number(cells[3], 8)); /* whatever number that is */
	assert(w->at == (lengths[9] < 0 ? INT64_MIN
					: (int64_t)number(cells[9], 8) + INT64_C(946684800000000)));
}

static void check_arrays(const struct wide *w, char cells[][256], const int lengths[])
{
	static const unsigned char none[16];
	int at = 20;

	for (size_t i = 0; i < w->texts.n; i++) {
		const int e = element(cells[10], lengths[10], at);

		check_text(w->texts.v[i], cells[10] + at + 4, e);
		at += 4 + (e > 0 ? e : 0);
	}
	at = 20;
	for (size_t i = 0; i < w->uuids.n; i++) {
		const int e = element(cells[11], lengths[11], at);

		assert(memcmp(w->uuids.v[i], e < 0 ? none : (unsigned char *)cells[11] + at + 4,
			      16) == 0);
		at += 4 + (e > 0 ? e : 0);
	}
	assert((int)w->texts.n ==
	       (lengths[10] < 0 ? 0 : elements(cells[10], lengths[10], OID_TEXT, 0)));
	assert((int)w->uuids.n ==
	       (lengths[11] < 0 ? 0 : elements(cells[11], lengths[11], OID_UUID, 16)));
}

static void check_row(const struct wide *w, char cells[][256], const int lengths[])
{
	static const unsigned char none[16];

	check_numbers(w, cells, lengths);
	check_arrays(w, cells, lengths);
	check_text(w->text, cells[4], lengths[4]);
	check_text(w->json, cells[5], lengths[5]);
	check_text(w->jsonb, cells[6] + 1, lengths[6] < 0 ? -1 : lengths[6] - 1);
	assert(w->bytes.len == (size_t)lengths[7]);
	assert(memcmp(w->bytes.data, cells[7], w->bytes.len) == 0);
	assert(memcmp(w->uuid, lengths[8] < 0 ? none : (unsigned char *)cells[8], 16) == 0);
}

static PGresult *result_of(const uint8_t *data, size_t size, char cells[][256], int lengths[],
			   bool *good)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc desc[NCOLUMNS];

	for (int i = 0; i < NCOLUMNS; i++) {
		const uint8_t kind = size > 0 ? data[0] : 0;
		size_t len = size > 1 ? data[1] : 0;

		data += size > 1 ? 2 : size;
		size -= size > 1 ? 2 : size;
		len = len < size ? len : size;
		memcpy(cells[i], data, len);
		data += len;
		size -= len;
		lengths[i] = kind == 4 ? -1 : (int)len;
		desc[i] = describe(i, kind);
		*good &=
			kind != 1 && kind != 2 && kind != 3 && well_formed(i, cells[i], lengths[i]);
	}
	PQsetResultAttrs(res, NCOLUMNS, desc);
	for (int i = 0; i < NCOLUMNS; i++)
		PQsetvalue(res, 0, i, lengths[i] < 0 ? NULL : cells[i], lengths[i]);
	return res;
}

/* The same by name is the same, and minds no order. */
static void check_find(struct arena *a, const PGresult *res, const struct wide *w, bool good)
{
	struct wide found = {0};
	const struct problem p = row_find(a, res, 0, COLUMNS(columns), &found);

	assert((p.code == PROBLEM_NONE) == good);
	assert(!good || (found.big == w->big && found.bytes.len == w->bytes.len &&
			 found.at == w->at && !found.text == !w->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char cells[NCOLUMNS][256] = {0};
	int lengths[NCOLUMNS];
	bool good = true;
	struct arena *arena = arena_new(1 << 20);
	PGresult *res = result_of(data, size, cells, lengths, &good);
	struct wide w = {0};
	struct problem p = row_read(arena, res, 0, COLUMNS(columns), &w);

	assert((p.code == PROBLEM_NONE) == good);
	check_find(arena, res, &w, good);
	PQclear(res);
	if (good)
		check_row(&w, cells, lengths);
	else
		assert(p.code == PROBLEM_INTERNAL && p.detail[0]);
	arena_free(arena);
	return 0;
}
