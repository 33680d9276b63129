/* row.h - a row of a query result becomes a C struct by a table of columns.
 *
 * Results come in binary. Every column is checked for its name, its SQL type
 * and NULL, so a statement and a struct that drift apart fail loudly in the
 * first test that runs the statement, never with a wrong value.
 *
 *	struct model { const char *name; int64_t created_at; };
 *	static const struct column model_columns[] = {
 *		COLUMN(struct model, name, OID_TEXT),
 *		COLUMN(struct model, created_at, OID_TIMESTAMPTZ),
 *	};
 *
 * SQL type -> member: bool -> bool, int4 -> int32_t, int8 -> int64_t, float8 ->
 * double, text/json/jsonb -> const char * (NUL-terminated), bytea -> struct
 * bytes, uuid -> unsigned char[16], timestamptz -> int64_t microseconds since
 * 1970, text[] -> struct texts, uuid[] -> struct uuids. A NULL in a NULLABLE
 * column leaves the member zero, but a timestamptz INT64_MIN. Text, bytes and
 * arrays are copied into the arena: a row outlives its result.
 *
 * Thousands of rows cost most in their number; as arrays in a few rows they are
 * read at once.
 */
#ifndef HALLMARK_SQL_ROW_H
#define HALLMARK_SQL_ROW_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "sql/args.h"
#include "sql/oid.h"

struct column {
	const char *name;
	size_t offset;
	Oid type;
	bool nullable;
};

/* Arrays of one dimension. */
struct texts {
	const char *const *v; /* NULL for NULL */
	size_t n;
};
struct uuids {
	const unsigned char (*v)[16]; /* all zero for NULL */
	size_t n;
};

/* clang-format off */
#define COLUMN(type_, member, oid)   {#member, offsetof(type_, member), (oid), false}
#define NULLABLE(type_, member, oid) {#member, offsetof(type_, member), (oid), true}
/* clang-format on */
#define COLUMNS(table) (table), (int)(sizeof(table) / sizeof((table)[0]))

/* Reads one row; a mismatch is INTERNAL and names the column. */
struct problem row_read(struct arena *a, const PGresult *res, int row, const struct column *columns,
			int ncolumns, void *out) MUST_CHECK;

/* The number of the column of this name, -1 when there is none. Not PQfnumber(), which takes
 * memory for a copy of the name, and knows no column when there is none. */
int row_column(const PGresult *res, const char *name);
bool row_null(const PGresult *res, int row, const char *name); /* true where no column is */

/* The same by the columns' names: the result may have others, in any order (the struct's
 * is the fastest), but no two of one name. For results whose first columns say what
 * happened (an outcome) and rows that are part of others. */
struct problem row_find(struct arena *a, const PGresult *res, int row, const struct column *columns,
			int ncolumns, void *out) MUST_CHECK;

#endif
