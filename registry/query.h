/* query.h - the query parameters of a list become a statement and its arguments.
 *
 * A resource says in tables which parameters it knows (struct query_rule) and how
 * its list is assembled (sql/list.h). What is here reads the parameters by their
 * rules, chooses the clauses, and appends the arguments in the order that the
 * assembled statement wants. Nothing that a client wrote becomes SQL text.
 *
 * Where the next page begins is the key of the last row: the columns key1, key2 …
 * that every order appends, of the types that its after clause takes.
 */
#ifndef HALLMARK_REGISTRY_QUERY_H
#define HALLMARK_REGISTRY_QUERY_H

#include <jansson.h>
#include <libpq-fe.h>

#include "base/json_out.h"
#include "base/problem.h"
#include "sql/list.h"

/* How a parameter's value is read, and which rows of the spec's filters it means. */
enum query_kind {
	QUERY_WORDS,  /* word prefixes, as a tsquery: one text */
	QUERY_TAG,    /* "key": row filter, one text; "key=value": row filter + 1, one jsonb */
	QUERY_METRIC, /* rows filter … filter + 4 by enum filter_op: name, value, dataset, slice */
	QUERY_TIME,   /* one timestamptz */
	QUERY_WORD,   /* one word: row filter, one text; "a,b": row filter + 1, one text[] */
	QUERY_TEXT,   /* one text, as it is */
	QUERY_MODEL,  /* "project/model": one text */
	QUERY_RANGE,  /* a version range: REFERENCE_KEYS bounds (bytea), releases first */
};

struct query_rule {
	const char *parameter;
	enum query_kind kind;
	int filter;
	const char *const *words; /* WORD: ends with NULL; NULL: any words */
};

struct query_list {
	const struct list_spec *spec;
	const struct query_rule *rules;
	int nrules;
	const char *const
		*sorts;   /* what sort may name, ends with NULL: rows 2i (up), 2i + 1 (down) */
	bool by_metric;   /* and "metric:NAME", rows after those: up, down */
	const char *sort; /* when none is asked for, such as "name" */
};

/* What one request asks for. */
struct query_value {
	const char *parameter, *value;
};
struct query_ask {
	const struct query_value *values;
	int nvalues;
	const json_t *after; /* the key of the last row of the page before; NULL: the first page */
	int64_t limit;
};

/* args holds the arguments of the spec's where already. */
struct problem query_statement(struct list_cache *cache, struct args *args,
			       const struct query_list *list, const struct query_ask *ask,
			       const struct statement **out) MUST_CHECK;

/* The key of a row, as JSON text, from its columns key1, key2 … */
const char *query_key(struct arena *a, const PGresult *res, int row);

#endif
