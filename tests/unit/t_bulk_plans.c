/* How much each list reads of a registry with many rows: every question of the tables below is run
 * under EXPLAIN ANALYZE over the data of tests/bench/bulk.sql, on its first page and
 * one far behind, and what the plan visited is counted.
 *
 *	BULK_VERSIONS   of the registry that is made, else 20000
 *	BULK_DATABASE   conninfo of one that is there; nothing is made then
 *	BULK_SHOW       1: a line for each question, with its time and buffers
 *	BULK_ONLY       questions whose name has this text
 *
 * Fills the database that HALLMARK_TEST_DATABASE names. */
#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "list_where.h"
#include "registry/event_query.h"
#include "registry/model_query.h"
#include "registry/semver.h"
#include "registry/version_query.h"
#include "sql/conninfo.h"
#include "sql/migrate.h"
#include "sql/statement.h"
#include "tap.h"

enum { SHAPES = 64, FIRST_ID = 10000, PAGE = 50, FAR = 1000 };

/* A page has PAGE + 1 rows, each of which may cost an index's levels and a look-up or two; and
 * up to 1,000 candidates may be sorted. These are bounds whatever the registry's size. */
enum { ROWS_MAX = 2500, PAGES_MAX = 6000 };

static PGconn *pg;
static struct arena *arena;
static struct list_cache *cache;

/* ---- plans --------------------------------------------------------------------------- */

struct work {
	const char *whole; /* a large table that is read from end to end */
	double rows;       /* that scans gave or threw away */
	double sorted;
	double buffers, ms, planned;
};

static const char *const small[] = {"project", "signing_key", "replica", "schema_migration"};

static bool is_large(const char *table)
{
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (strcmp(table, small[i]) == 0)
			return false;
	return true;
}

static double number(const json_t *node, const char *key)
{
	return json_number_value(json_object_get(node, key));
}

static double buffers(const json_t *node)
{
	return number(node, "Shared Hit Blocks") + number(node, "Shared Read Blocks");
}

static void add_node(const json_t *node, struct work *w)
{
	const char *type = json_string_value(json_object_get(node, "Node Type"));
	const char *table = json_string_value(json_object_get(node, "Relation Name"));
	const double loops = number(node, "Actual Loops"),
		     rows = loops *
			    (number(node, "Actual Rows") + number(node, "Rows Removed by Filter") +
			     number(node, "Rows Removed by Index Recheck"));
	const json_t *child;
	size_t i;

	if (table && strcmp(type, "Seq Scan") == 0 && loops > 0 && is_large(table))
		w->whole = arena_dup(arena, table, strlen(table));
	if (strstr(type, "Scan") && !strstr(type, "Subquery") && !strstr(type, "Bitmap Index"))
		w->rows += rows;
	json_array_foreach(json_object_get(node, "Plans"), i, child)
	{
		if (strstr(type, "Sort") && number(child, "Actual Rows") > w->sorted)
			w->sorted = number(child, "Actual Rows");
		add_node(child, w);
	}
}

static struct work work_of(const PGresult *res)
{
	struct work w = {0};
	json_t *plans = PQntuples(res) ? json_loads(PQgetvalue(res, 0, 0), 0, NULL) : NULL;
	const json_t *top = json_array_get(plans, 0), *plan = json_object_get(top, "Plan");

	if (plan)
		add_node(plan, &w);
	w.buffers = buffers(plan) + buffers(json_object_get(top, "Planning"));
	w.ms = number(top, "Execution Time");
	w.planned = number(top, "Planning Time");
	json_decref(plans);
	return w;
}

static PGresult *run(const char *before, const struct statement *s, const struct args *args)
{
	return PQexecParams(pg, arena_printf(arena, "%s%s", before, s->sql), args->n, s->types,
			    args->value, args->length, args->format, *before == '\0');
}

#define ANALYZE "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "

static void show_plan(const struct statement *s, const struct args *args)
{
	PGresult *res = run("EXPLAIN (ANALYZE, BUFFERS) ", s, args);

	for (int i = 0; i < PQntuples(res); i++)
		printf("# %s\n", PQgetvalue(res, i, 0));
	PQclear(res);
}

static void check(const struct statement *s, const struct args *args, const char *name, bool walks)
{
	const char *only = getenv("BULK_ONLY");

	if (only && !strstr(name, only))
		return;
	PGresult *res = run(ANALYZE, s, args);
	const struct work w = work_of(res);
	const bool few = w.rows <= ROWS_MAX && w.sorted <= ROWS_MAX && w.buffers <= PAGES_MAX;
	const bool good = PQresultStatus(res) == PGRES_TUPLES_OK && !w.whole && (few || walks);

	if (!ok(good, "%s reads no more than it must: %.0f rows, %.0f sorted, %.0f pages%s%s", name,
		w.rows, w.sorted, w.buffers, w.whole ? ", all of " : "", w.whole ? w.whole : ""))
		printf("# %s\n", PQresultErrorMessage(res)), show_plan(s, args);
	if (getenv("BULK_SHOW"))
		printf("# %8.2f ms %6.2f planning %8.0f rows %8.0f sorted %8.0f pages  %s\n", w.ms,
		       w.planned, w.rows, w.sorted, w.buffers, name);
	PQclear(res);
}

/* ---- lists ------------------------------------------------------------------------------ */

/* Filters of versions, and of events, that no index serves in every order: what is asked for may
 * lie at the other end of the order, and the planner goes there row by row. They go through
 * the rows of one model at most, or back through the stream. */
static const char *const walked[] = {"q",
				     "tag",
				     "state",
				     "created_after",
				     "created_before",
				     "published_after",
				     "published_before",
				     "kind",
				     "actor",
				     "subject",
				     "after",
				     "before",
				     NULL};

struct question {
	const struct query_list *list;
	const char *where[3]; /* the arguments of its spec's where */
	int nwhere;
	const struct query_value *filters;
	const char *const *sorts; /* ends with NULL */
};

/* Of each filter what all have, what some have, what few have, what none has. */
static const struct query_value model_filters[] = {
	{NULL, NULL},
	{"q", "model"},
	{"q", "ranking"},
	{"q", "distilled"},
	{"q", "apollo"},
	{"q", "crew77"},
	{"q", "nothing"},
	{"tag", "task"},
	{"tag", "task=task-1"},
	{"tag", "task=task-9"},
	{"tag", "tier=gold"},
	{"tag", "flagship"},
	{"tag", "flagship=yes"},
	{"tag", "flagship=no"},
	{"tag", "nothing"},
	{"metric", "accuracy>0.9"},
	{"metric", "accuracy>0.9999"},
	{"metric", "accuracy>=1"},
	{"metric", "accuracy=1"},
	{"metric", "accuracy>2"},
	{"metric", "accuracy<0"},
	{"metric", "loss<=0.001"},
	{"metric", "latency_ms@prod>999.9"},
	{"metric", "nothing>0"},
	{"created_after", "2024-01-01T00:00:00Z"},
	{"created_after", "2024-10-20T00:00:00Z"},
	{"created_after", "2120-01-01T00:00:00Z"},
	{"created_before", "2024-01-08T00:00:00Z"},
	{"created_before", "2020-01-01T00:00:00Z"},
	{"updated_after", "2026-02-20T00:00:00Z"},
	{"updated_after", "2120-01-01T00:00:00Z"},
	{"updated_before", "2024-02-01T00:00:00Z"},
	{"updated_before", "2020-01-01T00:00:00Z"},
	{"", NULL},
};
static const char *const model_sorts[] = {"name",       "-name",       "created_at", "-created_at",
					  "updated_at", "-updated_at", NULL};

static const struct query_value version_filters[] = {
	{NULL, NULL},
	{"q", "run"},
	{"q", "incident"},
	{"q", "nothing"},
	{"tag", "framework"},
	{"tag", "framework=fw-1"},
	{"tag", "data=set-7"},
	{"tag", "incident"},
	{"tag", "incident=yes"},
	{"tag", "incident=no"},
	{"tag", "nothing"},
	{"state", "draft"},
	{"state", "published"},
	{"state", "deprecated"},
	{"state", "yanked"},
	{"state", "deprecated,yanked"},
	{"state", "draft,published"},
	{"metric", "accuracy>0.9"},
	{"metric", "accuracy>0.9999"},
	{"metric", "accuracy>=1"},
	{"metric", "accuracy=1"},
	{"metric", "loss<0.001"},
	{"metric", "latency_ms@prod<1"},
	{"metric", "nothing<=0"},
	{"created_after", "2025-01-02T00:00:00Z"},
	{"created_after", "2025-09-01T00:00:00Z"},
	{"created_after", "2026-05-10T00:00:00Z"},
	{"created_after", "2120-01-01T00:00:00Z"},
	{"created_before", "2025-01-05T00:00:00Z"},
	{"created_before", "2025-09-01T00:00:00Z"},
	{"created_before", "2020-01-01T00:00:00Z"},
	{"published_after", "2025-01-02T00:00:00Z"},
	{"published_after", "2025-09-01T00:00:00Z"},
	{"published_after", "2026-04-25T00:00:00Z"},
	{"published_after", "2120-01-01T00:00:00Z"},
	{"published_before", "2025-01-05T00:00:00Z"},
	{"published_before", "2025-09-01T00:00:00Z"},
	{"published_before", "2020-01-01T00:00:00Z"},
	{"range", "^1"},
	{"range", "^1.4"},
	{"range", "~1.4.0"},
	{"range", ">=1.5.0-rc.1 <1.9.0"},
	{"range", ">=1.5.0"},
	{"range", "^99999"},
	{"", NULL},
};
static const char *const version_sorts[] = {"version",
					    "-version",
					    "created_at",
					    "-created_at",
					    "published_at",
					    "-published_at",
					    "metric:accuracy",
					    "-metric:accuracy",
					    "metric:latency_ms@prod",
					    "-metric:nothing",
					    NULL};

static const struct query_value event_filters[] = {
	{NULL, NULL},
	{"model", "fleet/giant"},
	{"model", "fleet/m-000050"},
	{"model", "fleet/none"},
	{"after", "2025-01-01T00:00:00Z"},
	{"after", "2026-05-10T00:00:00Z"},
	{"after", "2120-01-01T00:00:00Z"},
	{"before", "2025-01-02T00:00:00Z"},
	{"before", "2020-01-01T00:00:00Z"},
	{"kind", "version.published"},
	{"kind", "version.yanked"},
	{"kind", "version.unheard"},
	{"actor", "release"},
	{"actor", "pipeline-7"},
	{"actor", "nobody"},
	{"subject", "fleet/hundred@1.0.0"},
	{"subject", "fleet/none"},
	{"", NULL},
};
static const char *const event_sorts[] = {"position", "-position", NULL};

static const struct question questions[] = {
	{&model_query, {"fleet"}, 1, model_filters, model_sorts},
	{&version_query, {"fleet", "giant"}, 2, version_filters, version_sorts},
	{&event_query, {"fleet", "fleet"}, 2, event_filters, event_sorts},
	{&event_query, {NULL, NULL}, 2, event_filters, event_sorts},
};

static const struct statement *ask(const struct question *q, const struct query_ask *values,
				   struct args *args)
{
	const struct statement *s = NULL;

	*args = list_where(pg, arena, q->list, q->where, q->nwhere);
	const struct problem p = query_statement(cache, args, q->list, values, &s);
	if (p.code != PROBLEM_NONE)
		ok(false, "%s is a question: %s", values->values[0].value, p.detail);
	return s;
}

static const char *name_of(const struct question *q, const struct query_ask *values,
			   const char *page)
{
	const char *name = arena_printf(arena, "%s of %s", q->list->spec->name,
					q->where[q->nwhere - 1] ? q->where[q->nwhere - 1] : "all");

	for (int i = 0; i < values->nvalues; i++)
		name = arena_printf(arena, "%s %s=%s", name, values->values[i].parameter,
				    values->values[i].value);
	return arena_printf(arena, "%s, %s page", name, page);
}

/* The key of the row that is n rows behind the first; NULL: there are not so many. */
static json_t *key_behind(const struct question *q, struct query_ask values, int n)
{
	struct args args;

	values.limit = n;
	const struct statement *s = ask(q, &values, &args);
	PGresult *res = run("", s, &args);
	json_t *key = NULL;
	if (PQntuples(res) == n)
		key = json_loads(query_key(arena, res, n - 1), 0, NULL);
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		ok(false, "%s: %s", name_of(q, &values, "a"), PQresultErrorMessage(res));
	PQclear(res);
	return key;
}

/* Whether nothing but an index can be promised. Sorted by a metric, any filter is one more order.
 */
static bool walks(const struct question *q, const struct query_ask *values)
{
	if (q->list == &model_query || values->nvalues < 2)
		return q->list == &event_query; /* of a project, unfiltered, in the stream of all */
	if (strstr(values->values[0].value, "metric:"))
		return true;
	for (int i = 0; walked[i]; i++)
		if (strcmp(values->values[1].parameter, walked[i]) == 0)
			return true;
	return false;
}

static void check_page(const struct question *q, const struct query_ask *values, const char *page)
{
	struct args args;
	const struct statement *s = ask(q, values, &args);

	if (s)
		check(s, &args, name_of(q, values, page), walks(q, values));
}

static void check_pages(const struct question *q, struct query_ask values)
{
	static const struct {
		const char *name;
		int behind;
	} pages[] = {{"far", FAR}};
	const char *only = getenv("BULK_ONLY");

	check_page(q, &values, "first");
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct query_ask after = values;

		if (only && !strstr(name_of(q, &values, pages[i].name), only))
			continue;
		json_t *key = key_behind(q, values, pages[i].behind);

		after.after = key;
		if (key)
			check_page(q, &after, pages[i].name);
		json_decref(key);
	}
	arena_reset(arena);
}

static void check_lists(const struct question *q)
{
	for (int i = 0; q->sorts[i]; i++)
		for (const struct query_value *f = q->filters; f->value || !f->parameter; f++) {
			const struct query_value values[] = {{"sort", q->sorts[i]}, *f};

			check_pages(q, (struct query_ask){.values = values,
							  .nvalues = f->value ? 2 : 1,
							  .limit = PAGE + 1});
		}
}

static void must_do(const char *sql)
{
	PGresult *res = PQexec(pg, sql);
	const ExecStatusType status = PQresultStatus(res);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		ok(false, "%.60s: %s", sql, PQerrorMessage(pg));
	PQclear(res);
}

/* ---- what is found ------------------------------------------------------------------------ */

/* Filters that are asked in one way when few pass, and in another when many do, find the same. */
static const struct {
	struct query_value filter;
	const char *where;
} found[] = {
	{{"metric", "accuracy>0.9"}, "c.name = 'accuracy' AND c.value > 0.9"},
	{{"metric", "accuracy>=0.5"}, "c.name = 'accuracy' AND c.value >= 0.5"},
	{{"metric", "accuracy<0.501"}, "c.name = 'accuracy' AND c.value < 0.501"},
	{{"metric", "latency_ms@prod[]<=700"}, "c.name = 'latency_ms' AND c.value <= 700"},
	{{"metric", "accuracy@prod>0"}, "false"},
	{{"range", ">=1.5.0"},
	 "v.state IN ('published', 'deprecated') AND NOT v.prerelease "
	 "AND v.precedence >= core_precedence_1('1.5.0')"},
	{{"range", "^1.4"},
	 "v.state IN ('published', 'deprecated') AND NOT v.prerelease "
	 "AND v.precedence >= core_precedence_1('1.4.0') "
	 "AND v.precedence < core_precedence_1('2.0.0')"},
	{{"created_after", "2025-09-01T00:00:00Z"}, "v.created_at >= '2025-09-01Z'"},
	{{"created_before", "2025-09-01T00:00:00Z"}, "v.created_at < '2025-09-01Z'"},
	{{"created_before", "2020-01-01T00:00:00Z"}, "false"},
};

static int count_listed(const struct question *q, const struct query_value *filter)
{
	const struct query_ask values = {.values = filter, .nvalues = 1, .limit = 1000000};
	struct args args;
	const struct statement *s = ask(q, &values, &args);
	PGresult *res = run("", s, &args);
	const int n = PQntuples(res);

	PQclear(res);
	return n;
}

static int count_there(const struct question *q, const char *where)
{
	PGresult *res = PQexec(
		pg, arena_printf(arena,
				 "SELECT count(DISTINCT v.id) FROM version v LEFT JOIN "
				 "metric_current c ON c.version_id = v.id WHERE v.model_id = '%s' "
				 "AND v.state <> 'discarded' AND (%s)",
				 list_model_id(pg, arena, q->where), where));
	const int n = PQntuples(res) ? (int)strtol(PQgetvalue(res, 0, 0), NULL, 10) : -1;

	PQclear(res);
	return n;
}

/* The precedences that bulk.sql writes are those that a version gets. */
static void check_precedences(void)
{
	PGresult *res = PQexecParams(pg,
				     "SELECT semver, precedence FROM version "
				     "WHERE ordinal % 8 = 0 OR ordinal < 120 LIMIT 3000",
				     0, NULL, NULL, NULL, NULL, 1);
	int wrong = 0;

	for (int i = 0; i < PQntuples(res); i++) {
		const char *text = PQgetvalue(res, i, 0);
		struct semver v;
		const struct problem p = semver_read(arena, NULL, text, strlen(text), &v);
		const struct bytes key = semver_key(arena, &v);

		wrong += p.code != PROBLEM_NONE || (int)key.len != PQgetlength(res, i, 1) ||
			 memcmp(key.data, PQgetvalue(res, i, 1), key.len) != 0;
	}
	ok(PQntuples(res) == 3000 && wrong == 0, "precedences are the service's: %d of %d are not",
	   wrong, PQntuples(res));
	PQclear(res);
	arena_reset(arena);
}

static void check_found(void)
{
	static const struct question of[] = {
		{.list = &version_query, .where = {"fleet", "giant"}, .nwhere = 2},
		{.list = &version_query, .where = {"fleet", "hundred"}, .nwhere = 2},
	};

	must_do("SET statement_timeout = 0"); /* all rows at once, which nobody may ask for */
	for (size_t m = 0; m < sizeof(of) / sizeof(of[0]); m++)
		for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
			is_int(count_listed(&of[m], &found[i].filter),
			       count_there(&of[m], found[i].where), "%s of %s: %s is found",
			       found[i].filter.parameter, of[m].where[1], found[i].filter.value);
			arena_reset(arena);
		}
}

/* ---- the registry -------------------------------------------------------------------------- */

static const char *text_of(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!f || getdelim(&text, &room, '\0', f) < 0)
		ok(false, "%s is read", path);
	if (f)
		fclose(f);
	return text;
}

/* A fiftieth of the models a version, a fifth of the versions one model's, as in the large one. */
static void make_registry(void)
{
	const char *given = getenv("BULK_VERSIONS");
	const long versions = given ? strtol(given, NULL, 10) : 20000;
	const char *sql = text_of("tests/bench/bulk.sql");

	must_do(arena_printf(
		arena,
		"SET bulk.versions = '%ld'; SET bulk.models = '%ld'; SET bulk.giant = '%ld';"
		"SET bulk.lineage = '%ld'; SET bulk.seed = '1'",
		versions, versions / 50, versions / 5, versions / 100));
	must_do(sql ? sql : "");
	must_do("VACUUM ANALYZE");
	free((char *)sql);
}

int main(void)
{
	const char *conninfo = getenv("HALLMARK_TEST_DATABASE"), *made = getenv("BULK_DATABASE");
	struct conninfo info;
	struct migrate_report report;

	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c client_min_messages=warning -c track_io_timing=off", 1);
	log_threshold = LOG_ERROR;
	arena = arena_new((size_t)64 << 20);
	struct problem p = migrate(arena, made ? made : conninfo, &report);
	if (!ok(p.code == PROBLEM_NONE, "the schema is made: %s", p.detail ? p.detail : "fine"))
		return tap_done();
	pg = PQconnectdb(made ? made : conninfo);
	cache = list_cache_new(FIRST_ID, SHAPES);
	if (!made)
		make_registry();
	PQfinish(pg);
	p = conninfo_read(arena, made ? made : conninfo, LANE_SLOW, &info);
	pg = p.code == PROBLEM_NONE ? PQconnectdbParams(info.keywords, info.values[0], 0) : NULL;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		check_lists(&questions[i]);
	check_found();
	check_precedences();
	arena_free(arena);
	list_cache_free(cache);
	PQfinish(pg);
	return tap_done();
}
