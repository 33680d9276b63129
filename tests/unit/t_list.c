/* t_list.c - chosen clauses become one statement, and the cache gives it back. */
#include "sql/list.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static const struct list_filter filters[] = {
	{"tag", {"m.tags @> $?", {OID_JSONB}}, 3},
	{"made_after", {"m.made >= $?", {OID_TIMESTAMPTZ}}, 0},
	{"metric_gt",
	 {"m.id IN (SELECT c.id FROM metric c WHERE c.name = $? AND c.value > $?)",
	  {OID_TEXT, OID_FLOAT8}},
	 16},
	{"has_key", {"m.tags ? $?", {OID_TEXT}}, 1},
};
enum { TAG, MADE_AFTER, METRIC_GT, HAS_KEY };

static const struct list_order orders[] = {
	{.name = "name",
	 .order_by = "m.name, m.id",
	 .after = {"(m.name, m.id) > ($?, $?)", {OID_TEXT, OID_UUID}}},
	{.name = "metric",
	 .descending = true,
	 .columns = ", o.value",
	 .join = {"JOIN metric o ON o.id = m.id AND o.name = $?", {OID_TEXT}},
	 .order_by = "o.value DESC, m.id DESC",
	 .after = {"(o.value, m.id) < ($?, $?)", {OID_FLOAT8, OID_UUID}}},
};
enum { BY_NAME, BY_METRIC };

static const struct list_spec spec = {
	.name = "models_list",
	.columns = "SELECT m.id",
	.from = "FROM model m",
	.where = {"m.project = $?", {OID_TEXT}},
	LIST_FILTERS(filters),
	LIST_ORDERS(orders),
};
static const struct list_spec other = {
	.name = "events_list",
	.columns = "SELECT e.id",
	.from = "FROM event e",
	.where = {"e.project = $?", {OID_TEXT}},
	LIST_ORDERS(orders),
};

/* One filter of it as often as filters may be chosen is more than a statement takes. */
static const struct list_filter wide_filters[] = {
	{"box", {"(m.x, m.y, m.z) > ($?, $?, $?)", {OID_INT8, OID_INT8, OID_INT8}}, LIST_CHOSEN},
};
static const struct list_spec wide = {
	.name = "boxes_list",
	.columns = "SELECT m.id",
	.from = "FROM model m",
	.where = {"m.project = $?", {OID_TEXT}},
	LIST_FILTERS(wide_filters),
	LIST_ORDERS(orders),
};

static struct arena *arena;

static const struct statement *get(struct list_cache *c, struct list_choice choice)
{
	const struct statement *s = NULL;
	struct problem p = list_statement(c, arena, &choice, &s);

	if (p.code != PROBLEM_NONE)
		printf("# %s\n", p.detail);
	return s;
}

static const struct assembled {
	const char *what;
	struct list_choice choice;
	const char *sql;
	unsigned types[ARGS_MAX];
} assembled[] = {
	{"no filter, first page",
	 {.order = BY_NAME},
	 "SELECT m.id FROM model m WHERE m.project = $1 ORDER BY m.name, m.id LIMIT $2",
	 {OID_TEXT, OID_INT8}},
	{"the next page",
	 {.order = BY_NAME, .next = true},
	 "SELECT m.id FROM model m WHERE m.project = $1 AND (m.name, m.id) > ($2, $3)"
	 " ORDER BY m.name, m.id LIMIT $4",
	 {OID_TEXT, OID_TEXT, OID_UUID, OID_INT8}},
	{"a filter given twice",
	 {.order = BY_NAME, .nfilters = 2, .filters = {TAG, TAG}},
	 "SELECT m.id FROM model m WHERE m.project = $1 AND m.tags @> $2 AND m.tags @> $3"
	 " ORDER BY m.name, m.id LIMIT $4",
	 {OID_TEXT, OID_JSONB, OID_JSONB, OID_INT8}},
	{"an operator that has a question mark",
	 {.order = BY_NAME, .nfilters = 1, .filters = {HAS_KEY}},
	 "SELECT m.id FROM model m WHERE m.project = $1 AND m.tags ? $2"
	 " ORDER BY m.name, m.id LIMIT $3",
	 {OID_TEXT, OID_TEXT, OID_INT8}},
	{"an order with a join, columns and parameters of its own",
	 {.order = BY_METRIC, .next = true, .nfilters = 2, .filters = {METRIC_GT, MADE_AFTER}},
	 "SELECT m.id, o.value FROM model m JOIN metric o ON o.id = m.id AND o.name = $2"
	 " WHERE m.project = $1"
	 " AND m.id IN (SELECT c.id FROM metric c WHERE c.name = $3 AND c.value > $4)"
	 " AND m.made >= $5 AND (o.value, m.id) < ($6, $7)"
	 " ORDER BY o.value DESC, m.id DESC LIMIT $8",
	 {OID_TEXT, OID_TEXT, OID_TEXT, OID_FLOAT8, OID_TIMESTAMPTZ, OID_FLOAT8, OID_UUID,
	  OID_INT8}},
};

static void test_assembly(void)
{
	struct list_cache *c = list_cache_new(100, 8);

	for (size_t i = 0; i < sizeof(assembled) / sizeof(assembled[0]); i++) {
		const struct assembled *a = &assembled[i];
		struct list_choice choice = a->choice;
		int n = 0;

		choice.spec = &spec;
		const struct statement *s = get(c, choice);
		is_str(s->sql, a->sql, "%s", a->what);
		while (a->types[n])
			n++;
		is_int(s->nparams, n, "%s: %d parameters", a->what, n);
		ok(memcmp(s->types, a->types, (size_t)n * sizeof(unsigned)) == 0, "%s: their types",
		   a->what);
		is_int(s->lane, LANE_SLOW, "%s: on a slow lane", a->what);
		is_int(s->id, 100 + (int)i, "%s: the next id", a->what);
	}
	arena_reset(arena);
	list_cache_free(c);
}

static void test_cache(void)
{
	struct list_cache *c = list_cache_new(1, 2);
	const struct list_choice a = {.spec = &spec}, b = {.spec = &spec, .next = true},
				 d = {.spec = &spec, .order = BY_METRIC};
	const struct statement *first = get(c, a);

	ok(get(c, a) == first, "the same choice gets the same statement");
	ok(get(c, b) != first, "another choice gets another");
	ok(get(c, (struct list_choice){.spec = &other}) != first, "another list gets another");
	is_str(first->name, "models_list_1", "the name is the list's and the id");
	get(c, b);
	get(c, d); /* a is given up now */
	is_str(first->sql,
	       "SELECT m.id FROM model m WHERE m.project = $1 ORDER BY m.name, m.id LIMIT $2",
	       "what is given up lives as long as the arena that got it");
	const struct statement *again = get(c, a);
	ok(again != first && again->id == 5, "what was given up comes back under a new id");
	arena_reset(arena);
	list_cache_free(c);
}

/* With a cache of 3 and 400 random requests the least recently used goes each time. */
static void test_least_recently_used(void)
{
	struct list_cache *c = list_cache_new(1, 3);
	int recent[3] = {-1, -1, -1}, ids[16] = {0}, wrong = 0, next_id = 1;

	srandom(7);
	for (int round = 0; round < 400; round++) {
		const int shape = (int)(random() % 16), place = shape == recent[0]   ? 0
								: shape == recent[1] ? 1
								: shape == recent[2] ? 2
										     : 3;
		const struct statement *s = get(c, list_shape(&spec, shape));

		wrong += s->id != (place < 3 ? ids[shape] : next_id);
		next_id += place == 3;
		ids[shape] = s->id;
		memmove(recent + 1, recent, (size_t)(place < 3 ? place : 2) * sizeof(int));
		recent[0] = shape;
		if (round % 7 == 0)
			arena_reset(arena);
	}
	is_int(wrong, 0, "exactly the three last used are kept");
	arena_reset(arena);
	list_cache_free(c);
}

static void test_limits(void)
{
	struct list_cache *c = list_cache_new(1, 8);
	struct list_choice choice = {.spec = &spec};
	const struct statement *s = NULL;

	for (int i = 0; i < 3; i++)
		is_int(list_choose(arena, &choice, TAG).code, PROBLEM_NONE, "tag %d of 3", i + 1);
	struct problem p = list_choose(arena, &choice, TAG);
	is_int(p.code, PROBLEM_INVALID, "no fourth tag");
	is_str(p.detail, "the filter tag may be given 3 times at most", "says how many");
	is_int(list_choose(arena, &choice, MADE_AFTER).code, PROBLEM_NONE, "once");
	p = list_choose(arena, &choice, MADE_AFTER);
	is_str(p.detail, "the filter made_after may be given once only", "not twice");
	while (choice.nfilters < LIST_CHOSEN)
		is_int(list_choose(arena, &choice, METRIC_GT).code, PROBLEM_NONE,
		       "one more metric");
	is_int(list_choose(arena, &choice, METRIC_GT).code, PROBLEM_INVALID, "no 17th filter");
	choice.next = true;
	is_int(list_statement(c, arena, &choice, &s).code, PROBLEM_NONE,
	       "all that may be chosen can be sent");
	choice = (struct list_choice){.spec = &wide, .nfilters = LIST_CHOSEN};
	is_int(list_statement(c, arena, &choice, &s).code, PROBLEM_INVALID,
	       "more than %d parameters cannot", ARGS_MAX);
	arena_reset(arena);
	list_cache_free(c);
}

static void test_every_shape(void)
{
	struct list_cache *c = list_cache_new(1, 64);
	const struct statement *seen[64];
	int n = list_shapes(&spec), twice = 0;

	is_int(n, (1 + 4) * 2 * 2, "no filter and four, two orders, two pages");
	for (int i = 0; i < n; i++) {
		seen[i] = get(c, list_shape(&spec, i));
		for (int j = 0; j < i; j++)
			twice += seen[j] == seen[i];
	}
	is_int(twice, 0, "no shape comes twice");
	arena_reset(arena);
	list_cache_free(c);
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_assembly();
	test_cache();
	test_least_recently_used();
	test_limits();
	test_every_shape();
	arena_free(arena);
	return tap_done();
}
