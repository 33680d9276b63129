/* f_row.c - whatever a server sends as a row, row_read() refuses it or fills the struct.
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
};

static const struct column columns[] = {
	NULLABLE(struct wide, yes, OID_BOOL),    NULLABLE(struct wide, small, OID_INT4),
	NULLABLE(struct wide, big, OID_INT8),    COLUMN(struct wide, real, OID_FLOAT8),
	NULLABLE(struct wide, text, OID_TEXT),   NULLABLE(struct wide, json, OID_JSON),
	NULLABLE(struct wide, jsonb, OID_JSONB), COLUMN(struct wide, bytes, OID_BYTEA),
	NULLABLE(struct wide, uuid, OID_UUID),   NULLABLE(struct wide, at, OID_TIMESTAMPTZ),
};
enum { NCOLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* The kind says NULL, another type, another name, text format, or nothing unusual. */
static PGresAttDesc describe(int i, uint8_t kind)
{
	return (PGresAttDesc){.name = (char *)(kind == 2 ? "other" : columns[i].name),
			      .typid = kind == 1 ? OID_INT2 : columns[i].type,
			      .format = kind != 3};
}

static PGresult *result_of(const uint8_t *data, size_t size, char cells[][256], int lengths[])
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
	}
	PQsetResultAttrs(res, NCOLUMNS, desc);
	for (int i = 0; i < NCOLUMNS; i++)
		PQsetvalue(res, 0, i, lengths[i] < 0 ? NULL : cells[i], lengths[i]);
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char cells[NCOLUMNS][256];
	int lengths[NCOLUMNS];
	struct arena *arena = arena_new(1 << 20);
	PGresult *res = result_of(data, size, cells, lengths);
	struct wide w;
	struct problem p = row_read(arena, res, 0, COLUMNS(columns), &w);

	PQclear(res);
	if (p.code == PROBLEM_NONE) {
		assert(!w.text || (int)strlen(w.text) == lengths[4]);
		assert(!w.json || (int)strlen(w.json) == lengths[5]);
		assert(!w.jsonb || (int)strlen(w.jsonb) == lengths[6] - 1);
		assert(memcmp(w.bytes.data, cells[7], w.bytes.len) == 0);
	} else {
		assert(p.code == PROBLEM_INTERNAL && p.detail[0]);
	}
	arena_free(arena);
	return 0;
}
