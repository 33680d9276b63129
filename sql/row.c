#include "sql/row.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "sql/moment.h"

struct cell {
	const char *data;
	size_t len;
};

/* Each reader returns false when the bytes are no value of its type. Members are
 * written with memcpy: out is the caller's struct, seen as bytes. */

static bool read_bool(struct arena *a, struct cell c, void *out)
{
	(void)a;
	bool v = c.len == 1 && c.data[0] == 1;
	memcpy(out, &v, sizeof(v));
	return c.len == 1 && (unsigned char)c.data[0] <= 1;
}

static bool read_int4(struct arena *a, struct cell c, void *out)
{
	uint32_t wire;

	(void)a;
	if (c.len != sizeof(wire))
		return false;
	memcpy(&wire, c.data, sizeof(wire));
	wire = be32toh(wire);
	memcpy(out, &wire, sizeof(wire));
	return true;
}

/* int8 and float8 alike: eight bytes in the network's order. */
static bool read_8(struct arena *a, struct cell c, void *out)
{
	uint64_t wire;

	(void)a;
	if (c.len != sizeof(wire))
		return false;
	memcpy(&wire, c.data, sizeof(wire));
	wire = be64toh(wire);
	memcpy(out, &wire, sizeof(wire));
	return true;
}

static bool read_time(struct arena *a, struct cell c, void *out)
{
	int64_t wire, micros;

	if (!read_8(a, c, &wire) || !moment_from_wire(wire, &micros))
		return false;
	memcpy(out, &micros, sizeof(micros));
	return true;
}

static bool read_uuid(struct arena *a, struct cell c, void *out)
{
	(void)a;
	if (c.len != 16)
		return false;
	memcpy(out, c.data, 16);
	return true;
}

/* A NUL inside could not come from PostgreSQL, and would cut the text short here. */
static bool read_text(struct arena *a, struct cell c, void *out)
{
	if (memchr(c.data, '\0', c.len))
		return false;
	const char *text = arena_dup(a, c.data, c.len);
	memcpy(out, &text, sizeof(const char *));
	return true;
}

/* jsonb is text behind the number of its wire format, 1 since there is one. */
static bool read_jsonb(struct arena *a, struct cell c, void *out)
{
	if (c.len < 1 || c.data[0] != 1)
		return false;
	return read_text(a, (struct cell){c.data + 1, c.len - 1}, out);
}

static bool read_bytes(struct arena *a, struct cell c, void *out)
{
	struct bytes b = {(const unsigned char *)arena_dup(a, c.data, c.len), c.len};

	memcpy(out, &b, sizeof(b));
	return true;
}

/* ---- arrays: dimensions, flags, type; length and lower bound; elements, each behind its length */

enum { ARRAY_NONE = 12, ARRAY_HEAD = 20 };

static uint32_t word_at(const char *p)
{
	uint32_t wire;

	memcpy(&wire, p, sizeof(wire));
	return be32toh(wire);
}

/* Leaves in c the elements. Each has four bytes at least: n is never beyond the cell. */
static bool array_open(struct cell *c, Oid type, size_t *n)
{
	size_t head;

	if (c->len < ARRAY_NONE || word_at(c->data + 8) != type || word_at(c->data) > 1)
		return false;
	head = word_at(c->data) == 0 ? ARRAY_NONE : ARRAY_HEAD;
	if (c->len < head)
		return false;
	*n = head == ARRAY_HEAD ? word_at(c->data + 12) : 0;
	*c = (struct cell){c->data + head, c->len - head};
	return *n <= c->len / 4;
}

/* The next element, and c behind it; data NULL for NULL. */
static bool element_next(struct cell *c, struct cell *out)
{
	const uint32_t null = UINT32_MAX;

	if (c->len < 4)
		return false;
	const uint32_t len = word_at(c->data);
	*out = (struct cell){len == null ? NULL : c->data + 4, len == null ? 0 : len};
	if (out->len > c->len - 4)
		return false;
	*c = (struct cell){c->data + 4 + out->len, c->len - 4 - out->len};
	return true;
}

static bool read_uuids(struct arena *a, struct cell c, void *out)
{
	unsigned char(*v)[16];
	struct cell e;
	size_t n;

	if (!array_open(&c, OID_UUID, &n))
		return false;
	v = arena_calloc(a, n, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		if (!element_next(&c, &e) || (e.data && e.len != sizeof(*v)))
			return false;
		if (e.data)
			memcpy(v[i], e.data, sizeof(*v));
	}
	const struct uuids all = {(const unsigned char(*)[16])v, n};
	memcpy(out, &all, sizeof(all));
	return c.len == 0;
}

/* All are copied at once. A text ends where the next one's length began, read by then. */
static bool read_texts(struct arena *a, struct cell c, void *out)
{
	char *copy = arena_dup(a, c.data, c.len), *end = copy;
	const char **v;
	struct cell e, left = {copy, c.len};
	size_t n;

	if (!array_open(&left, OID_TEXT, &n))
		return false;
	v = arena_array(a, const char *, n);
	for (size_t i = 0; i < n; i++) {
		if (!element_next(&left, &e) || (e.data && memchr(e.data, '\0', e.len)))
			return false;
		*end = '\0';
		end = copy + (left.data - copy);
		v[i] = e.data;
	}
	const struct texts all = {v, n};
	memcpy(out, &all, sizeof(all));
	return left.len == 0;
}

struct reader {
	Oid type;
	size_t size; /* of the member */
	bool (*read)(struct arena *a, struct cell c, void *out);
};

static const struct reader readers[] = {
	{OID_TEXT, sizeof(char *), read_text},
	{OID_INT8, sizeof(int64_t), read_8},
	{OID_UUID, 16, read_uuid},
	{OID_TIMESTAMPTZ, sizeof(int64_t), read_time},
	{OID_BOOL, sizeof(bool), read_bool},
	{OID_BYTEA, sizeof(struct bytes), read_bytes},
	{OID_INT4, sizeof(int32_t), read_int4},
	{OID_FLOAT8, sizeof(double), read_8},
	{OID_JSONB, sizeof(char *), read_jsonb},
	{OID_JSON, sizeof(char *), read_text},
	{OID_TEXT_ARRAY, sizeof(struct texts), read_texts},
	{OID_UUID_ARRAY, sizeof(struct uuids), read_uuids},
};

static const struct reader *reader_of(Oid type)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (readers[i].type == type)
			return &readers[i];
	return NULL;
}

static void leave_out(const struct reader *r, void *out)
{
	static const int64_t no_time = INT64_MIN;

	if (r->type == OID_TIMESTAMPTZ)
		memcpy(out, &no_time, sizeof(no_time));
	else
		memset(out, 0, r->size);
}

/* What is wrong with a cell, or NULL when it is in its member. */
static const char *cell_read(struct arena *a, const PGresult *res, int row, int i,
			     const struct column *c, void *out)
{
	const struct reader *r = reader_of(c->type);

	if (!r || PQftype(res, i) != c->type)
		return "has another type in the statement";
	const int len = PQgetlength(res, row, i);
	if (len == 0 && PQgetisnull(res, row, i)) { /* libpq tells a length of 0 for NULL */
		leave_out(r, out);
		return c->nullable ? NULL : "is null";
	}
	const struct cell cell = {PQgetvalue(res, row, i), (size_t)len};
	return r->read(a, cell, out) ? NULL : "is malformed";
}

static bool has_name(const PGresult *res, int i, const char *name)
{
	return i < PQnfields(res) && strcmp(PQfname(res, i), name) == 0;
}

int row_column(const PGresult *res, const char *name)
{
	int n = PQnfields(res);

	while (n-- > 0)
		if (strcmp(PQfname(res, n), name) == 0)
			return n;
	return -1;
}

bool row_null(const PGresult *res, int row, const char *name)
{
	const int column = row_column(res, name);

	return column < 0 || PQgetisnull(res, row, column);
}

/* Statements mostly name their columns in the order of the struct's: looking behind the
 * last one first spares walking over all columns. */
static int find(const PGresult *res, int behind, const char *name)
{
	return has_name(res, behind, name) ? behind : row_column(res, name);
}

static struct problem has_row(struct arena *a, const PGresult *res, int row)
{
	if (row < 0 || row >= PQntuples(res))
		return problem(a, PROBLEM_INTERNAL, "the result has %d rows, none is number %d",
			       PQntuples(res), row);
	if (!PQbinaryTuples(res))
		return problem(a, PROBLEM_INTERNAL, "the result is not in binary");
	return NO_PROBLEM;
}

struct problem row_find(struct arena *a, const PGresult *res, int row, const struct column *columns,
			int ncolumns, void *out)
{
	TRY(has_row(a, res, row));
	for (int i = 0, at = -1; i < ncolumns; i++) {
		const struct column *c = &columns[i];

		at = find(res, at + 1, c->name);
		const char *wrong = at < 0 ? "is missing"
					   : cell_read(a, res, row, at, c, (char *)out + c->offset);

		if (wrong)
			return problem(a, PROBLEM_INTERNAL, "column %s %s", c->name, wrong);
	}
	return NO_PROBLEM;
}

struct problem row_read(struct arena *a, const PGresult *res, int row, const struct column *columns,
			int ncolumns, void *out)
{
	if (PQnfields(res) != ncolumns)
		return problem(a, PROBLEM_INTERNAL, "the row has %d columns, want %d",
			       PQnfields(res), ncolumns);
	TRY(has_row(a, res, row));
	for (int i = 0; i < ncolumns; i++) {
		const struct column *c = &columns[i];
		const char *wrong = has_name(res, i, c->name)
					    ? cell_read(a, res, row, i, c, (char *)out + c->offset)
					    : "has another name in the statement";

		if (wrong)
			return problem(a, PROBLEM_INTERNAL, "column %d, %s, %s", i + 1, c->name,
				       wrong);
	}
	return NO_PROBLEM;
}
