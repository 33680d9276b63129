/* list.h - lists with free filters and orders, assembled from constant clauses.
 *
 * A resource declares what can be asked as tables of constant text; a request
 * chooses rows of them by number. No byte of a client's ever becomes SQL: what
 * it sends travels as parameters. Each combination ("shape") is assembled once,
 * kept, and prepared by the slow lane that first runs it.
 *
 *	static const struct list_filter model_filters[] = {
 *		{"tag", {"m.tags @> $?", {OID_JSONB}}, .repeat = 8},
 *		{"created_after", {"m.created_at >= $?", {OID_TIMESTAMPTZ}}},
 *	};
 *	static const struct list_order model_orders[] = {
 *		{"name", .order_by = "m.name, m.id",
 *		 .after = {"(m.name, m.id) > ($?, $?)", {OID_TEXT, OID_UUID}}},
 *	};
 *	static const struct list_spec model_list = {
 *		.name = "models_list",
 *		.columns = "SELECT m.id, m.name",
 *		.from = "FROM model m",
 *		.where = {"m.project = $?", {OID_TEXT}},
 *		LIST_FILTERS(model_filters), LIST_ORDERS(model_orders),
 *	};
 *
 * "$?" is the clause's next parameter, "$?1" its first once more, and "$1" the first of
 * where, which comes before all others. The assembled text is
 *
 *	<columns><order.columns> <from> <order.join>
 *	 WHERE <where> AND <filter> AND … AND <order.after> AND <order.only>
 *	 ORDER BY <order.order_by> LIMIT $n
 *
 * and its arguments are, in this order: those of where, of order.join, of each
 * filter as chosen, of order.after (next pages only), and the limit (int8).
 */
#ifndef HALLMARK_SQL_LIST_H
#define HALLMARK_SQL_LIST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/problem.h"
#include "sql/args.h"
#include "sql/oid.h"
#include "sql/statement.h"

enum { LIST_TYPES = 6, LIST_CHOSEN = 16 };

struct list_clause {
	const char *text;           /* NULL: nothing */
	unsigned types[LIST_TYPES]; /* Oid of each "$?", then zeroes */
};

struct list_filter {
	const char *name; /* as clients write it */
	struct list_clause clause;
	int repeat; /* how often it may come in one request; 0 means once */
};

struct list_order {
	const char *name;
	bool descending;
	const char *columns; /* appended to the spec's, with its comma; or NULL */
	struct list_clause join;
	const char *only; /* a condition without parameters, for rows that have the key; or NULL */
	const char *order_by;
	struct list_clause after; /* keyset: what lies behind the last row seen */
};

struct list_spec {
	const char *name; /* of the resource, for logs and prepared statements: at most 40 bytes */
	const char *columns, *from;
	struct list_clause where;
	const struct list_filter *filters;
	int nfilters;
	const struct list_order *orders;
	int norders;
};

#define LIST_FILTERS(table) .filters = (table), .nfilters = sizeof(table) / sizeof((table)[0])
#define LIST_ORDERS(table)  .orders = (table), .norders = sizeof(table) / sizeof((table)[0])

/* One request's choice: rows of the spec's tables, by number. */
struct list_choice {
	const struct list_spec *spec;
	int order;
	bool next; /* a page after the first */
	int nfilters;
	unsigned char filters[LIST_CHOSEN]; /* the same one may come again, up to its repeat */
};

/* The shapes one loop has met, the least recently used given up beyond limit.
 * Statements get ids from first_id up (STATEMENT_COUNT), never the same twice.
 * One cache serves all specs of its loop and belongs to that thread. */
struct list_cache;
struct list_cache *list_cache_new(int first_id, int limit); /* NULL: out of memory */
void list_cache_free(struct list_cache *c); /* after every arena that got a statement was reset */

/* The statement for a choice; it lives until the arena is reset at least. INVALID
 * when there are more filters than one request may have. */
struct problem list_statement(struct list_cache *c, struct arena *a,
			      const struct list_choice *choice,
			      const struct statement **out) MUST_CHECK;

/* Adds a filter to the choice. INVALID when it is there too often already. */
struct problem list_choose(struct arena *a, struct list_choice *choice, int filter) MUST_CHECK;

/* Every single shape of a spec (no filter and each filter alone, times each order,
 * times first and next page), for the test that explains them all. */
int list_shapes(const struct list_spec *spec);
struct list_choice list_shape(const struct list_spec *spec, int i); /* 0 … list_shapes() - 1 */

#endif
