/* A look-up goes by the two unique indexes whatever the statistics are: a lane prepares it once
 * and keeps the plan, which may have been made while the tables were young. Fills the database
 * that HALLMARK_TEST_DATABASE names. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sql/conninfo.h"
#include "sql/migrate.h"
#include "sql/statement.h"
#include "tap.h"

static PGconn *pg, *lane;
static struct arena *arena;

static void must_do(const char *sql)
{
	PGresult *res = PQexec(pg, sql);
	const ExecStatusType status = PQresultStatus(res);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		ok(false, "%s: %s", sql, PQerrorMessage(pg));
	PQclear(res);
}

/* Models first to last of one project, each with three versions. */
static void add_models(int first, int last)
{
	must_do(arena_printf(
		arena,
		"INSERT INTO model (id, project, name, created_by)"
		" SELECT gen_random_uuid(), 'p', 'm' || n, 'x' FROM generate_series(%d, %d) n",
		first, last));
	must_do(arena_printf(arena,
			     "INSERT INTO version (id, model_id, ordinal, created_at, "
			     "state_changed_at, prerelease,"
			     " state, semver, precedence, tags, params, description, created_by)"
			     " SELECT gen_random_uuid(), m.id, n, now(), now(), false, 'draft', "
			     "'1.' || n || '.0',"
			     " core_precedence_1('1.' || n || '.0'), '{}', '{}', '', 'x'"
			     " FROM generate_series(%d, %d) k JOIN model m ON m.name = 'm' || k,"
			     " generate_series(1, 3) n",
			     first, last));
}

/* As a lane of this kind connects, so with its options. */
static PGconn *connect_as(enum lane_kind kind, const char *conninfo)
{
	struct conninfo info;
	const struct problem p = conninfo_read(arena, conninfo, kind, &info);

	if (p.code != PROBLEM_NONE)
		return NULL;
	return PQconnectdbParams(info.keywords, info.values[0], 0);
}

static const char *plan_of(const PGresult *res)
{
	const char *plan = "";

	for (int i = 0; i < PQntuples(res); i++)
		plan = arena_printf(arena, "%s# %s\n", plan, PQgetvalue(res, i, 0));
	return plan;
}

static int count(const char *text, const char *part)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

/* What the subquery gives is $0 up to PostgreSQL 16, and (InitPlan 1).col1 from 17 on. */
static bool goes_by_both(const char *plan)
{
	return count(plan, "Scan") == 2 && strstr(plan, "Index Scan using model_name on model") &&
	       strstr(plan, "Index Scan using version_precedence on version") &&
	       count(plan, "Index Cond: ((model_id = $0) AND (precedence = $3))") +
			       count(plan, "Index Cond: ((model_id = (InitPlan 1).col1) AND "
					   "(precedence = $3))") ==
		       1 &&
	       count(plan, "Index Cond: ((project = $1) AND (name = $2))") == 1;
}

/* The plan that is made now and would be kept. */
static void is_planned(const char *when)
{
	const struct statement *s = &statements[STATEMENT_VERSIONS_GET_EXACT];

	PQclear(PQexec(lane, "SET plan_cache_mode = force_generic_plan"));
	PQclear(PQexec(lane, "DEALLOCATE ALL"));
	PQclear(PQprepare(lane, s->name, s->sql, s->nparams, s->types));
	PGresult *res = PQexec(
		lane, arena_printf(arena, "EXPLAIN (COSTS OFF) EXECUTE %s('p', 'm1', '', NULL)",
				   s->name));
	const char *plan = plan_of(res);

	if (!ok(goes_by_both(plan),
		"a version is looked up by model_name and "
		"version_precedence %s",
		when))
		printf("%s# %s\n", plan, PQresultErrorMessage(res));
	PQclear(res);
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
	lane = connect_as(LANE_READ, conninfo);
	must_do("SET session_replication_role = replica");
	must_do("INSERT INTO project (name, created_by) VALUES ('p', 'x')");
	must_do("ALTER TABLE model SET (autovacuum_enabled = off)");
	must_do("ALTER TABLE version SET (autovacuum_enabled = off)");

	is_planned("of empty tables");
	add_models(1, 1);
	is_planned("with one model, before ANALYZE");
	must_do("ANALYZE model, version");
	is_planned("with one model");
	add_models(2, 20);
	is_planned("with 20 models, ANALYZE of one");
	must_do("ANALYZE model, version");
	is_planned("with 20 models");
	add_models(21, 20000);
	is_planned("with 20,000 models, ANALYZE of 20");
	must_do("ANALYZE model, version");
	is_planned("with 20,000 models");
	must_do("DELETE FROM pg_statistic WHERE starelid IN ('model'::regclass, "
		"'version'::regclass)");
	must_do("UPDATE pg_class SET reltuples = -1, relpages = 0"
		" WHERE oid IN ('model'::regclass, 'version'::regclass)");
	is_planned("with 20,000 models, before ANALYZE");

	arena_free(arena);
	PQfinish(lane);
	PQfinish(pg);
	return tap_done();
}
