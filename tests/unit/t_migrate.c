/* The migrations from nothing, twice, by several processes at once, and every refusal.
 * Works in a schema of its own in the database that HALLMARK_TEST_DATABASE names. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "sql/migrate.h"
#include "tap.h"

enum { RIVALS = 4 };

static const char *conninfo;
static PGconn *pg;
static struct arena *arena;

static const char *ask(const char *sql)
{
	PGresult *res = PQexec(pg, sql);
	const char *said = "";

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0)
		said = arena_printf(arena, "%s", PQgetvalue(res, 0, 0));
	else if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		said = arena_printf(arena, "%s", PQresultErrorMessage(res));
	PQclear(res);
	return said;
}

static void start_anew(void)
{
	ask("DROP SCHEMA IF EXISTS t_migrate CASCADE");
	ask("CREATE SCHEMA t_migrate");
}

static const struct migration small[] = {
	{1, "one", "CREATE TABLE one (n int)", .sha256 = "1111"},
	{2, "two", "CREATE TABLE two (n int)", .sha256 = "2222"},
	{3, "bad", "CREATE TABLE three (n int); SELECT 1/0", .sha256 = "3333"},
	{3, "big", "ALTER TABLE one ADD m int", .sha256 = "4444"},
};

static void is_problem(struct problem p, enum problem_code code, const char *part, const char *name)
{
	is_int(p.code, code, "%s: refused", name);
	if (!ok(p.detail && strstr(p.detail, part), "%s: says '%s'", name, part))
		printf("# got: %s\n", p.detail ? p.detail : "(nothing)");
}

static void from_nothing_and_twice(void)
{
	struct migrate_report r;
	struct problem p;

	start_anew();
	p = migrate(arena, conninfo, &r);
	if (!ok(p.code == PROBLEM_NONE, "all migrations apply to an empty database"))
		printf("# %s\n", p.detail);
	is_int(r.from, 0, "an empty database is at 0");
	is_int(r.to, migrate_latest(), "the latest migration is reached");
	is_str(ask("SELECT count(*) FROM schema_migration"),
	       arena_printf(arena, "%d", migrate_latest()), "every migration is remembered");
	p = migrate(arena, conninfo, &r);
	is_int(p.code, PROBLEM_NONE, "a second run has no problem");
	ok(r.from == migrate_latest() && r.to == r.from, "a second run does nothing");
}

static void everything_is_explained(void)
{
	is_str(ask("SELECT string_agg(c.relname || coalesce('.' || a.attname, ''), ' ') "
		   "FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= "
		   "0 "
		   "AND NOT a.attisdropped AND c.relkind = 'r' "
		   "WHERE c.relnamespace = 't_migrate'::regnamespace AND c.relkind IN ('r', 'v') "
		   "AND (obj_description(c.oid, 'pg_class') IS NULL OR (a.attnum > 0 AND "
		   "col_description(c.oid, a.attnum) IS NULL))"),
	       "", "every table, view and column has a comment");
	is_str(ask("SELECT string_agg(p.proname, ' ') FROM pg_proc p "
		   "WHERE p.pronamespace = 't_migrate'::regnamespace "
		   "AND obj_description(p.oid, 'pg_proc') IS NULL"),
	       "", "every function has a comment");
	is_str(ask("SELECT string_agg(c.relname || '.' || a.attname, ' ') FROM pg_class c "
		   "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
		   "WHERE c.relnamespace = 't_migrate'::regnamespace AND c.relkind = 'r' "
		   "AND a.attcollation NOT IN (0, 'pg_catalog.\"C\"'::regcollation)"),
	       "", "every text column sorts by its bytes");
}

static void changed_history_is_refused(void)
{
	struct migration other[] = {small[0], small[1]};
	struct migrate_report r;

	start_anew();
	is_int(migrate_with(arena, conninfo, small, 2, &r).code, PROBLEM_NONE,
	       "two migrations apply");
	other[1].sha256 = "2223";
	is_problem(migrate_with(arena, conninfo, other, 2, &r), PROBLEM_CONFLICT, "0002_two",
		   "a migration that was changed afterwards");
	is_problem(migrate_with(arena, conninfo, small, 1, &r), PROBLEM_CONFLICT,
		   "the schema is at 2", "a schema newer than the program");
	ask("DELETE FROM schema_migration WHERE number = 1");
	is_problem(migrate_with(arena, conninfo, small, 2, &r), PROBLEM_CONFLICT, "lacks number 1",
		   "a history with a hole");
}

static void a_failure_leaves_nothing_of_itself(void)
{
	struct migrate_report r;

	start_anew();
	is_problem(migrate_with(arena, conninfo, small, 3, &r), PROBLEM_INTERNAL,
		   "division by zero", "a migration that fails");
	is_int(r.to, 2, "the migrations before a failure stay");
	is_str(ask("SELECT coalesce(to_regclass('three')::text, 'none')"), "none",
	       "a failed migration leaves nothing behind");
	is_str(ask("SELECT max(number) FROM schema_migration"), "2", "a failure is not remembered");
}

static void a_locked_table_ends_the_wait(void)
{
	const struct migration set[] = {small[0], small[1], small[3]};
	struct migrate_report r;

	start_anew();
	is_int(migrate_with(arena, conninfo, set, 2, &r).code, PROBLEM_NONE,
	       "two migrations apply");
	ask("BEGIN; LOCK TABLE one IN ACCESS SHARE MODE");
	is_problem(migrate_with(arena, conninfo, set, 3, &r), PROBLEM_BUSY,
		   "run the migration again", "a table that another session holds");
	ask("COMMIT");
	is_int(migrate_with(arena, conninfo, set, 3, &r).code, PROBLEM_NONE,
	       "later the same one applies");
}

static int rival(void)
{
	struct migrate_report r;
	const struct problem p = migrate(arena, conninfo, &r);

	return p.code == PROBLEM_NONE && r.to == migrate_latest() ? 0 : 1;
}

static void several_at_once_are_safe(void)
{
	pid_t pids[RIVALS];
	int failed = 0;

	start_anew();
	for (int i = 0; i < RIVALS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(rival());
	}
	for (int i = 0; i < RIVALS; i++) {
		int status = 1;

		waitpid(pids[i], &status, 0);
		failed += status != 0;
	}
	is_int(failed, 0, "%d processes that migrate at once all find the schema done", RIVALS);
	is_str(ask("SELECT count(*) FROM schema_migration"),
	       arena_printf(arena, "%d", migrate_latest()), "each migration was applied once");
}

static void other_encodings_are_refused(void)
{
	struct migrate_report r;
	const char *other;

	ask("DROP DATABASE IF EXISTS hallmark_t_migrate_ascii");
	other = ask("CREATE DATABASE hallmark_t_migrate_ascii ENCODING 'SQL_ASCII' LOCALE 'C' "
		    "TEMPLATE template0");
	if (*other) {
		ok(true, "a database that is not UTF8 is refused # SKIP cannot make one: %s",
		   other);
		return;
	}
	other = strstr(conninfo, "://")
			? NULL
			: arena_printf(arena, "%s dbname=hallmark_t_migrate_ascii", conninfo);
	if (other)
		is_problem(migrate(arena, other, &r), PROBLEM_INVALID, "ENCODING 'UTF8'",
			   "a database that is not UTF8");
	ask("DROP DATABASE hallmark_t_migrate_ascii");
}

int main(void)
{
	struct migrate_report r;

	conninfo = getenv("HALLMARK_TEST_DATABASE");
	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c search_path=t_migrate -c client_min_messages=warning", 1);
	log_threshold = LOG_ERROR;
	arena = arena_new((size_t)4 << 20);
	pg = PQconnectdb(conninfo);
	if (!ok(PQstatus(pg) == CONNECTION_OK, "the test database answers"))
		return tap_done();
	from_nothing_and_twice();
	everything_is_explained();
	changed_history_is_refused();
	a_failure_leaves_nothing_of_itself();
	a_locked_table_ends_the_wait();
	several_at_once_are_safe();
	other_encodings_are_refused();
	is_problem(migrate(arena, "host=/nowhere port=1 dbname=none", &r), PROBLEM_UNAVAILABLE,
		   "cannot be reached", "a server that is away");
	ask("DROP SCHEMA t_migrate CASCADE");
	PQfinish(pg);
	arena_free(arena);
	return tap_done();
}
