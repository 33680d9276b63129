/* t_row.c - rows become structs, or fail with the column's name. */
#include "sql/row.h"

#include <stdint.h>
#include <string.h>

#include "tap.h"

static struct arena *arena;

struct thing {
	const char *name;
	int32_t small;
	int64_t big;
	double real;
	bool yes;
	unsigned char id[16];
	struct bytes digest;
	int64_t made_at;
	const char *tags;
	const char *params;
	struct texts words;
	struct uuids ids;
};

static const struct column thing_columns[] = {
	COLUMN(struct thing, name, OID_TEXT),
	COLUMN(struct thing, small, OID_INT4),
	COLUMN(struct thing, big, OID_INT8),
	COLUMN(struct thing, real, OID_FLOAT8),
	COLUMN(struct thing, yes, OID_BOOL),
	NULLABLE(struct thing, id, OID_UUID),
	NULLABLE(struct thing, digest, OID_BYTEA),
	NULLABLE(struct thing, made_at, OID_TIMESTAMPTZ),
	NULLABLE(struct thing, tags, OID_JSONB),
	NULLABLE(struct thing, params, OID_JSON),
	COLUMN(struct thing, words, OID_TEXT_ARRAY),
	NULLABLE(struct thing, ids, OID_UUID_ARRAY),
};
enum { THING_COLUMNS = sizeof(thing_columns) / sizeof(thing_columns[0]) };

#define CELL(bytes)                                                                                \
	{                                                                                          \
		(bytes), sizeof(bytes) - 1                                                         \
	}
#define ARRAY(type, n) "\0\0\0\1\0\0\0\1\0\0" type "\0\0\0" n "\0\0\0\1"
#define TEXTS(n)       ARRAY("\0\x19", n)
#define UUIDS(n)       ARRAY("\x0b\x86", n)
#define NONE           "\xff\xff\xff\xff"
static const struct cell {
	const char *data; /* NULL: SQL NULL */
	int len;
} whole[THING_COLUMNS] = {
	CELL("minilm"),
	CELL("\xff\xff\xff\xfe"),
	CELL("\0\0\0\1\0\0\0\0"),
	CELL("\x3f\xed\x70\xa3\xd7\x0a\x3d\x71"),
	CELL("\1"),
	CELL("0123456789abcdef"),
	CELL("a\0b"),
	CELL("\0\0\0\0\0\0\0\1"),
	CELL("\1{}"),
	CELL("[1e300]"),
	CELL(TEXTS("\4") "\0\0\0\2ab" NONE "\0\0\0\0"
			 "\0\0\0\1c"),
	CELL(UUIDS("\2") NONE "\0\0\0\x10"
			      "0123456789abcdef"),
};

/* A result of one row as the server would send it, with one cell exchanged. */
static PGresult *result_with(int at, struct cell other)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc desc[THING_COLUMNS] = {0};

	for (int i = 0; i < THING_COLUMNS; i++)
		desc[i] = (PGresAttDesc){.name = (char *)thing_columns[i].name,
					 .typid = thing_columns[i].type,
					 .format = 1};
	PQsetResultAttrs(res, THING_COLUMNS, desc);
	for (int i = 0; i < THING_COLUMNS; i++) {
		const struct cell c = i == at ? other : whole[i];
		PQsetvalue(res, 0, i, (char *)c.data, c.data ? c.len : -1);
	}
	return res;
}

static void test_whole(void)
{
	PGresult *res = result_with(-1, (struct cell){0});
	struct thing t;
	struct problem p = row_read(arena, res, 0, COLUMNS(thing_columns), &t);

	PQclear(res); /* the row outlives it */
	is_int(p.code, PROBLEM_NONE, "a row as declared is read");
	is_str(t.name, "minilm", "text");
	is_int(t.small, -2, "int4");
	is_int(t.big, INT64_C(1) << 32, "int8");
	ok(t.real == 0.92, "float8");
	ok(t.yes, "bool");
	ok(memcmp(t.id, "0123456789abcdef", 16) == 0, "uuid");
	ok(t.digest.len == 3 && memcmp(t.digest.data, "a\0b", 3) == 0, "bytea");
	is_int(t.made_at, INT64_C(946684800000001), "timestamptz");
	is_str(t.tags, "{}", "jsonb loses its version byte");
	is_str(t.params, "[1e300]", "json");
	is_int((intmax_t)t.words.n, 4, "text[]");
	is_str(t.words.v[0], "ab", "a text ends where it ends");
	ok(!t.words.v[1], "a NULL among them is NULL");
	is_str(t.words.v[2], "", "an empty one is empty");
	is_str(t.words.v[3], "c", "so does the last");
	is_int((intmax_t)t.ids.n, 2, "uuid[]");
	ok(memcmp(t.ids.v,
		  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "0123456789abcdef",
		  32) == 0,
	   "and a NULL among them is nil");
}

static void test_empty_array(void)
{
	PGresult *res = result_with(10, (struct cell)CELL("\0\0\0\0\0\0\0\0\0\0\0\x19"));
	struct thing t;

	is_int(row_read(arena, res, 0, COLUMNS(thing_columns), &t).code, PROBLEM_NONE,
	       "an array of none");
	is_int((intmax_t)t.words.n, 0, "has no element");
	PQclear(res);
}

static void test_nulls(void)
{
	for (int i = 0; i < THING_COLUMNS; i++) {
		PGresult *res = result_with(i, (struct cell){0});
		struct thing t;

		memset(&t, 0x55, sizeof(t));
		struct problem p = row_read(arena, res, 0, COLUMNS(thing_columns), &t);
		is_int(p.code, thing_columns[i].nullable ? PROBLEM_NONE : PROBLEM_INTERNAL,
		       "NULL in %s", thing_columns[i].name);
		if (!thing_columns[i].nullable)
			ok(strstr(p.detail, thing_columns[i].name), "%s is named", p.detail);
		else if (thing_columns[i].type == OID_TIMESTAMPTZ)
			ok(t.made_at == INT64_MIN, "no time is INT64_MIN");
		else
			ok(((char *)&t)[thing_columns[i].offset] == 0, "the member is zero");
		PQclear(res);
	}
}

static const struct malformed {
	int at;
	struct cell cell;
	const char *what;
} malformed[] = {
	{0, CELL("a\0b"), "text with a NUL"},
	{1, CELL("\0\0\0"), "int4 of three bytes"},
	{2, CELL("\0\0\0\0"), "int8 of four bytes"},
	{3, CELL(""), "float8 of none"},
	{4, CELL("\2"), "bool that is neither"},
	{4, CELL(""), "bool of no byte"},
	{5, CELL("0123"), "uuid of four bytes"},
	{7, CELL("\x7f\xff\xff\xff\xff\xff\xff\xff"), "timestamptz infinity"},
	{7, CELL("\x80\0\0\0\0\0\0\0"), "timestamptz -infinity"},
	{8, CELL("\2{}"), "jsonb of another version"},
	{8, CELL(""), "jsonb of no byte"},
	{9, CELL("{\0}"), "json with a NUL"},
	{10, CELL(""), "an array of no byte"},
	{10, CELL("\0\0\0\0\0\0\0\0\0\0\0\x19\0"), "an empty array with more behind it"},
	{10, CELL("\0\0\0\2\0\0\0\0\0\0\0\x19\0\0\0\0\0\0\0\1"), "two dimensions"},
	{10, CELL("\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0"), "half a head"},
	{10, CELL(UUIDS("\0")), "uuid[] for text[]"},
	{10, CELL(TEXTS("\2") "\0\0\0\1c"), "fewer elements than it says"},
	{10, CELL(TEXTS("\2") "\0\0\0\4abcd"), "fewer elements, and bytes as of two"},
	{10, CELL(TEXTS("\1") "\0\0\0\2c"), "a text longer than the cell"},
	{10, CELL(TEXTS("\1") "\0\0\0\1c "), "a byte behind the last"},
	{10, CELL(TEXTS("\1") "\0\0\0\1\0"), "a text with a NUL in an array"},
	{11, CELL(UUIDS("\1") "\0\0\0\4abcd"), "uuid of four bytes in an array"},
	{11, CELL(UUIDS("\2") NONE), "fewer uuids than it says"},
};

static void test_malformed(void)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		const struct malformed *m = &malformed[i];
		PGresult *res = result_with(m->at, m->cell);
		struct thing t;
		struct problem p = row_read(arena, res, 0, COLUMNS(thing_columns), &t);

		is_int(p.code, PROBLEM_INTERNAL, "%s is refused", m->what);
		ok(strstr(p.detail, thing_columns[m->at].name), "%s", p.detail);
		PQclear(res);
	}
}

static void is_refused(PGresult *res, int row, const struct column *columns, int n,
		       const char *what)
{
	struct thing t;
	struct problem p = row_read(arena, res, row, columns, n, &t);

	is_int(p.code, PROBLEM_INTERNAL, "%s", what);
}

static void test_drift(void)
{
	struct column other[THING_COLUMNS];
	PGresult *res = result_with(-1, (struct cell){0});

	is_refused(res, 0, thing_columns, THING_COLUMNS - 1, "one column more than declared");
	is_refused(res, 1, thing_columns, THING_COLUMNS, "a row that is not there");
	is_refused(res, -1, thing_columns, THING_COLUMNS, "a row before the first");
	memcpy(other, thing_columns, sizeof(other));
	other[1].name = "tiny";
	is_refused(res, 0, other, THING_COLUMNS, "a column of another name");
	other[1] = thing_columns[1];
	other[2].type = OID_INT4;
	is_refused(res, 0, other, THING_COLUMNS, "a column of another type");
	other[2].type = 12345;
	is_refused(res, 0, other, THING_COLUMNS, "a type that has no member");
	PQclear(res);
}

static void is_same(const struct column *c, const struct thing *got, const struct thing *want)
{
	const char *g = (const char *)got + c->offset, *w = (const char *)want + c->offset;

	if (c->type == OID_TEXT || c->type == OID_JSON || c->type == OID_JSONB)
		is_str(*(const char *const *)g, *(const char *const *)w, "%s", c->name);
	else
		ok(memcmp(g, w,
			  c->type == OID_INT4   ? 4
			  : c->type == OID_BOOL ? 1
						: 8) == 0,
		   "%s", c->name);
}

/* The struct's columns in another order than the result's, and not all of them. */
static void test_find(void)
{
	static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {9, 0, 1, 8}, {2, 0, 9, 4}};
	PGresult *res = result_with(-1, (struct cell){0});
	struct thing all, t;

	is_int(row_read(arena, res, 0, COLUMNS(thing_columns), &all).code, PROBLEM_NONE, "all");
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct column some[4];

		for (int k = 0; k < 4; k++)
			some[k] = thing_columns[orders[i][k]];
		is_int(row_find(arena, res, 0, some, 4, &t).code, PROBLEM_NONE, "order %zu", i);
		for (int k = 0; k < 4; k++)
			is_same(&some[k], &t, &all);
	}
	PQclear(res);
}

static void test_find_drift(void)
{
	struct column other = thing_columns[THING_COLUMNS - 1];
	PGresult *res = result_with(-1, (struct cell){0});
	struct thing t;

	other.name = "parameters";
	struct problem p = row_find(arena, res, 0, &other, 1, &t);
	is_int(p.code, PROBLEM_INTERNAL, "a column that the result has not");
	ok(strstr(p.detail, "parameters is missing"), "%s", p.detail);
	other = thing_columns[0];
	other.type = OID_BYTEA;
	p = row_find(arena, res, 0, &other, 1, &t);
	is_int(p.code, PROBLEM_INTERNAL, "a column of another type, found by name");
	is_int(row_find(arena, res, 1, thing_columns, 1, &t).code, PROBLEM_INTERNAL,
	       "a row that is not there, found by name");
	PQclear(res);
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_whole();
	test_empty_array();
	test_nulls();
	test_malformed();
	test_drift();
	test_find();
	test_find_drift();
	arena_free(arena);
	return tap_done();
}
