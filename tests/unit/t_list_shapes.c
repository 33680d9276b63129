/* No list and no look-up reads a large table from end to end: every question that a list
 * can be asked, in every order, on the first page and the next, is explained over a schema
 * with thousands of rows. Fills the database that HALLMARK_TEST_DATABASE names. */
#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "list_where.h"
#include "registry/event_query.h"
#include "registry/model_query.h"
#include "registry/version_query.h"
#include "sql/migrate.h"
#include "sql/statement.h"
#include "tap.h"

enum { SHAPES = 64, FIRST_ID = 10000, PAGE = 10 };

static PGconn *pg;
static struct arena *arena;
static struct list_cache *cache;

/* ---- many rows --------------------------------------------------------------------- */

/* 20 projects of 200 models; one model has 4,000 versions, the others of its project one. */
static const char *const rows[] = {
	"SET session_replication_role = replica",
	"INSERT INTO project (name, created_by) SELECT 'p' || n, 'x' FROM generate_series(1, 20) n",
	"INSERT INTO model (id, project, name, description, tags, created_by, created_at, "
	"updated_at)"
	" SELECT gen_random_uuid(), 'p' || n % 20 + 1, 'm' || n, 'word' || n % 50,"
	" jsonb_build_object('task', 't' || n % 10, 'n', n::text), 'x',"
	" now() - n * interval '1 minute', now() - n * interval '1 second'"
	" FROM generate_series(1, 4000) n",
	"INSERT INTO signing_key (id, state, public, created_by)"
	" VALUES ('AAAAAAAAAAAAAAAA', 'active', sha256(''), 'x')",
	"INSERT INTO version (id, model_id, ordinal, created_at, state_changed_at, published_at,"
	" prerelease, state, semver, precedence, tags, params, created_by, published_by, key_id,"
	" manifest_sha256, description, files)"
	" SELECT gen_random_uuid(), m.id, n, now() + n * interval '1 second', now(),"
	" CASE WHEN n % 7 > 0 THEN now() + n * interval '1 second' END, n % 5 = 0,"
	" (ARRAY['draft', 'published', 'published', 'published', 'deprecated', 'yanked', "
	"'published'])[n % 7 + 1],"
	" '1.' || n || '.0', core_precedence_1('1.' || n || '.0'),"
	" jsonb_build_object('framework', 'f' || n % 10), '{}', 'x', 'x', 'AAAAAAAAAAAAAAAA', "
	"sha256(''),"
	" 'run ' || n, 1 FROM model m, generate_series(1, CASE m.name WHEN 'm20' THEN 4000 ELSE 2 "
	"END) n",
	"INSERT INTO blob (size, touched_at, verified_at, state, sha256, blake2b, storage_key)"
	" SELECT 1, now(), now(), 'live', sha256(n::text::bytea), sha512(n::text::bytea), 'k' || n"
	" FROM generate_series(1, 4000) n",
	"INSERT INTO artifact (version_id, blob_id, path, media_type, key_id, minisig, created_by)"
	" SELECT v.id, b.id, 'f', '', 'AAAAAAAAAAAAAAAA', '', 'x'"
	" FROM version v JOIN blob b ON b.storage_key = 'k' || v.ordinal",
	"INSERT INTO attestation (version_id, key_id, envelope) SELECT id, 'AAAAAAAAAAAAAAAA', "
	"'{}' FROM version",
	"INSERT INTO metric (version_id, value, step, at, name, created_by)"
	" SELECT v.id, v.ordinal, n, now(), 'acc', 'x' FROM version v, generate_series(1, 3) n",
	"INSERT INTO metric_current (version_id, model_id, value, step, at, arrival, name, "
	"dataset, slice)"
	" SELECT v.id, v.model_id, v.ordinal % 1000, 3, now(), 1, n, '', ''"
	" FROM version v, unnest(ARRAY['acc', 'loss']) n",
	"INSERT INTO lineage_edge (version_id, parent_id, place, kind, relation)"
	" SELECT v.id, lag(v.id) OVER (ORDER BY v.ordinal), 1, 'parent', 'merge' FROM version v"
	" WHERE v.ordinal > 1 OFFSET 1",
	"INSERT INTO alias (model_id, version_id, name, moved_by)"
	" SELECT model_id, id, 'a' || ordinal, 'x' FROM version",
	"INSERT INTO alias_move (model_id, to_id, row_version, moved_at, name, moved_by)"
	" SELECT model_id, id, 1, now(), 'a' || ordinal % 10, 'x' FROM version",
	"INSERT INTO event (at, model_id, kind, actor, project, subject, body)"
	" SELECT now() + n * interval '1 second', m.id, 'version.created', 'actor' || n % 30, "
	"m.project,"
	" m.project || '/' || m.name, '{}' FROM generate_series(1, 3) n, model m",
	"INSERT INTO event_order (position, event_id, model_id)"
	" SELECT row_number() OVER (ORDER BY id), id, model_id FROM event",
	"INSERT INTO principal (name, created_by) SELECT 'u' || n, 'x' FROM generate_series(1, "
	"3000) n",
	"INSERT INTO token (id, principal, kind, hash, created_by)"
	" SELECT 't' || n, 'u' || n, 'pat', sha256(''), 'x' FROM generate_series(1, 3000) n",
	"INSERT INTO role_binding (principal, project, role, created_by)"
	" SELECT 'u' || n, 'p1', 'reader', 'x' FROM generate_series(1, 3000) n",
	"RESET session_replication_role",
	"ANALYZE",
	"SET plan_cache_mode = force_custom_plan", /* as slow lanes do, and with them: */
	"SET enable_seqscan = off",
};

static void fill(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		PGresult *res = PQexec(pg, rows[i]);
		const ExecStatusType status = PQresultStatus(res);

		if (status != PGRES_COMMAND_OK)
			ok(false, "%s: %s", rows[i], PQerrorMessage(pg));
		PQclear(res);
	}
}

/* ---- plans --------------------------------------------------------------------------- */

static const char *const large[] = {
	"model",  "version",        "artifact", "blob",         "attestation",
	"metric", "metric_current", "alias",    "lineage_edge", "alias_move",
	"event",  "event_order",    "token",    "role_binding", "principal",
};

/* The large table that the plan reads from end to end; NULL: none. */
static const char *read_whole(const char *plan)
{
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		const char *scan = arena_printf(arena, "Seq Scan on %s ", large[i]);

		if (strstr(plan, scan))
			return large[i];
	}
	return NULL;
}

static const char *plan_of(const PGresult *res)
{
	const char *plan = "";

	for (int i = 0; i < PQntuples(res); i++)
		plan = arena_printf(arena, "%s# %s \n", plan, PQgetvalue(res, i, 0));
	return plan;
}

static PGresult *run(const char *before, const struct statement *s, const struct args *args)
{
	return PQexecParams(pg, arena_printf(arena, "%s%s", before, s->sql), args->n, s->types,
			    args->value, args->length, args->format, *before == '\0');
}

static void explain(const struct statement *s, const struct args *args, const char *name)
{
	PGresult *res = run("EXPLAIN (COSTS OFF) ", s, args);
	const char *plan = plan_of(res);
	const bool good = PQresultStatus(res) == PGRES_TUPLES_OK && *plan && !read_whole(plan);

	if (!ok(good, "%s reads no large table whole", name))
		printf("%s# %s\n", plan, PQresultErrorMessage(res));
	PQclear(res);
}

/* ---- lists ------------------------------------------------------------------------------ */

struct question {
	const struct query_list *list;
	const char *where[3]; /* the arguments of its spec's where */
	int nwhere;
	const struct query_value *filters;
	size_t nfilters;
	const char *const *sorts;  /* ends with NULL */
	const char *const *walked; /* filters that have no index, ends with NULL; or NULL */
};

static const struct query_value model_filters[] = {
	{"q", "word17"},
	{"q", "m11"},
	{"tag", "task"},
	{"tag", "n=77"},
	{"metric", "acc>1.5"},
	{"metric", "acc@<=1.5"},
	{"metric", "acc>=2"},
	{"metric", "acc<1"},
	{"metric", "acc=1"},
	{"created_after", "2020-01-01T00:00:00Z"},
	{"created_before", "2020-01-01T00:00:00Z"},
	{"updated_after", "2020-01-01T00:00:00Z"},
	{"updated_before", "2120-01-01T00:00:00Z"},
};
static const char *const model_sorts[] = {"name",       "-name",       "created_at", "-created_at",
					  "updated_at", "-updated_at", NULL};

static const struct query_value version_filters[] = {
	{"q", "run 17"},
	{"tag", "framework"},
	{"tag", "framework=f7"},
	{"state", "draft"},
	{"state", "deprecated,yanked"},
	{"metric", "acc>998"},
	{"metric", "acc@[]<=2"},
	{"metric", "acc>=998"},
	{"metric", "acc<2"},
	{"metric", "acc=7"},
	{"created_after", "2120-01-01T00:00:00Z"},
	{"created_before", "2120-01-01T00:00:00Z"},
	{"published_after", "2020-01-01T00:00:00Z"},
	{"published_before", "2020-01-01T00:00:00Z"},
	{"range", "^1"},
	{"range", ">=1.5.0-rc.1 <1.9.0"},
};
static const char *const version_sorts[] = {"version",     "-version",     "created_at",
					    "-created_at", "published_at", "-published_at",
					    "metric:acc",  "-metric:acc",  NULL};

static const struct query_value event_filters[] = {
	{"model", "p1/m20"},
	{"after", "2020-01-01T00:00:00Z"},
	{"before", "2020-01-01T00:00:00Z"},
};
/* Filters over the stream itself: an index for each would be paid for by every change of
 * anything (migrations/0001_events.sql). */
static const char *const event_walked[] = {"kind", "subject", "actor", NULL};
static const char *const event_sorts[] = {"position", "-position", NULL};

#define FILTERS(table) (table), sizeof(table) / sizeof((table)[0])
static const struct question questions[] = {
	{&model_query, {"p1"}, 1, FILTERS(model_filters), model_sorts},
	{&version_query, {"p1", "m20"}, 2, FILTERS(version_filters), version_sorts},
	{&version_query, {"p1", "m40"}, 2, FILTERS(version_filters), version_sorts},
	{&event_query, {"p1", "p1"}, 2, FILTERS(event_filters), event_sorts, event_walked},
	{&event_query, {NULL, NULL}, 2, FILTERS(event_filters), event_sorts, event_walked},
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

static const char *name_of(const struct question *q, const struct query_ask *values)
{
	const char *name = arena_printf(arena, "%s of %s", q->list->spec->name,
					q->where[q->nwhere - 1] ? q->where[q->nwhere - 1] : "all");

	for (int i = 0; i < values->nvalues; i++)
		name = arena_printf(arena, "%s %s=%s", name, values->values[i].parameter,
				    values->values[i].value);
	return arena_printf(arena, "%s, %s page", name, values->after ? "next" : "first");
}

/* Explains the first page; then runs it and explains what follows its last row. */
static void both_pages(const struct question *q, struct query_ask values)
{
	struct args args;
	const struct statement *s = ask(q, &values, &args);

	if (!s)
		return;
	explain(s, &args, name_of(q, &values));
	PGresult *res = run("", s, &args);
	const int n = PQntuples(res);
	json_t *after = n ? json_loads(query_key(arena, res, n - 1), 0, NULL) : NULL;
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		ok(false, "%s runs: %s", name_of(q, &values), PQresultErrorMessage(res));
	PQclear(res);
	if (!after)
		return;
	values.after = after;
	s = ask(q, &values, &args);
	if (s)
		explain(s, &args, name_of(q, &values));
	json_decref(after);
}

static void lists_use_indexes(const struct question *q)
{
	for (int i = 0; q->sorts[i]; i++) {
		const struct query_value sort = {"sort", q->sorts[i]};

		both_pages(q, (struct query_ask){.values = &sort, .nvalues = 1, .limit = PAGE});
		for (size_t f = 0; f < q->nfilters; f++) {
			const struct query_value values[] = {sort, q->filters[f]};

			both_pages(q, (struct query_ask){
					      .values = values, .nvalues = 2, .limit = PAGE});
		}
		arena_reset(arena);
	}
}

static bool is_walked(const struct question *q, const char *parameter)
{
	for (int i = 0; q->walked && q->walked[i]; i++)
		if (strcmp(q->walked[i], parameter) == 0)
			return true;
	return false;
}

/* Every shape of the tables was met: a filter without a question above would go unexplained. */
static void every_filter_is_asked(const struct question *q)
{
	for (int r = 0; r < q->list->nrules; r++) {
		bool asked = is_walked(q, q->list->rules[r].parameter);

		for (size_t f = 0; f < q->nfilters; f++)
			asked |= strcmp(q->filters[f].parameter, q->list->rules[r].parameter) == 0;
		ok(asked, "%s: %s is asked", q->list->spec->name, q->list->rules[r].parameter);
	}
	int nsorts = 0;
	while (q->sorts[nsorts])
		nsorts++;
	is_int(nsorts, q->list->spec->norders, "%s: every order is asked", q->list->spec->name);
}

/* ---- the other statements ------------------------------------------------------------- */

static void statement_uses_indexes(const struct statement *s)
{
	const char *nulls = "";

	PQclear(PQprepare(pg, s->name, s->sql, s->nparams, s->types));
	for (int i = 0; i < s->nparams; i++)
		nulls = arena_printf(arena, "%s%sNULL", nulls, i ? ", " : "(");
	PGresult *res = PQexec(pg, arena_printf(arena, "EXPLAIN (COSTS OFF) EXECUTE %s%s%s",
						s->name, nulls, *nulls ? ")" : ""));
	const char *plan = plan_of(res);
	if (!ok(PQresultStatus(res) == PGRES_TUPLES_OK && *plan && !read_whole(plan),
		"%s reads no large table whole", s->name))
		printf("%s# %s\n", plan, PQresultErrorMessage(res));
	PQclear(res);
}

/* The same plan whatever the values, as a connection keeps it. The store's leftovers are
 * told apart by all keys at once, which is meant to read them all. */
static void look_ups_use_indexes(void)
{
	PQclear(PQexec(pg, "SET plan_cache_mode = force_generic_plan"));
	for (int i = 0; i < STATEMENT_COUNT; i++)
		if (statements[i].lane <= LANE_SLOW && i != STATEMENT_BLOBS_KNOWN_KEYS)
			statement_uses_indexes(&statements[i]);
}

int main(void)
{
	const char *conninfo = getenv("HALLMARK_TEST_DATABASE");
	struct migrate_report report;

	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c client_min_messages=warning", 1);
	log_threshold = LOG_ERROR;
	arena = arena_new((size_t)64 << 20);
	const struct problem p = migrate(arena, conninfo, &report);
	if (!ok(p.code == PROBLEM_NONE, "the schema is made: %s", p.detail ? p.detail : "fine"))
		return tap_done();
	pg = PQconnectdb(conninfo);
	cache = list_cache_new(FIRST_ID, SHAPES);
	fill();
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		every_filter_is_asked(&questions[i]);
		lists_use_indexes(&questions[i]);
	}
	look_ups_use_indexes();
	arena_free(arena);
	list_cache_free(cache);
	PQfinish(pg);
	return tap_done();
}
