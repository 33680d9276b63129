/* The migrations from nothing, twice, by several processes at once, beside those who read and
 * write, and every refusal.
 * Works in a schema of its own in the database that HALLMARK_TEST_DATABASE names. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
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

/* ---- concurrent migrations ------------------------------------------------------------ */

static const char concurrent_sql[] =
	"-- concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS one_n ON one (n);\n";
static const struct migration concurrent[] = {
	{1, "one", "CREATE TABLE one (n int)", .sha256 = "1111"},
	{2, "two", "CREATE TABLE two (n int); CREATE INDEX two_n ON two (n)", .sha256 = "2222"},
	{3, "one_n", concurrent_sql, .sha256 = "5555"},
	{4, "after", "CREATE TABLE after (n int)", .sha256 = "6666"},
};
enum { CONCURRENT = sizeof(concurrent) / sizeof(concurrent[0]) };

#define ONE_N_IS "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('one_n')"
#define ONE_N_ID "SELECT coalesce(to_regclass('one_n')::oid, 0)"
#define TURN                                                                                       \
	"pg_locks JOIN pg_database d ON d.oid = database AND d.datname = current_database() "      \
	"WHERE locktype = 'advisory'"
#define REACHED "SELECT max(number) FROM schema_migration"

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static bool comes(const char *sql, const char *said)
{
	for (int i = 0; i < 2000; i++, nap())
		if (strcmp(ask(sql), said) == 0)
			return true;
	return false;
}

static pid_t begin_concurrent(void)
{
	const pid_t pid = fork();
	struct migrate_report r;

	if (pid != 0)
		return pid;
	_exit(migrate_with(arena, conninfo, concurrent, CONCURRENT, &r).code == PROBLEM_NONE ? 0
											     : 1);
}

static int end_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* A transaction that an index which is built now waits for. */
static PGconn *begin_reader(void)
{
	PGconn *reader = PQconnectdb(conninfo);

	PQclear(PQexec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class"));
	return reader;
}

#define WAITS_FOR_TURN                                                                             \
	"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "                \
	"AND pid <> pg_backend_pid() AND query LIKE '%advisory\\_lock%hallmark.migrate%'"

/* Also two that migrate: were the second's wait for its turn a statement, the first would wait for
 * that. The writer keeps the first from looking who is there before the second is. */
static void a_concurrent_one_waits_for_all_and_holds_nobody_up(void)
{
	PGconn *writer = PQconnectdb(conninfo), *reader = begin_reader();
	struct migrate_report r;
	pid_t first, second;

	start_anew();
	is_int(migrate_with(arena, conninfo, concurrent, 2, &r).code, PROBLEM_NONE, "two apply");
	PQclear(PQexec(writer, "BEGIN; INSERT INTO one VALUES (0)"));
	first = begin_concurrent();
	ok(comes(ONE_N_IS, "f"), "a concurrent migration waits for a writer");
	second = begin_concurrent();
	ok(comes(WAITS_FOR_TURN, "1"), "another one waits for its turn");
	is_str(ask("SET lock_timeout = '1s'; INSERT INTO one VALUES (1) RETURNING n"), "1",
	       "who writes need not wait");
	PQfinish(writer);
	for (int i = 0; i < 40; i++) /* four times deadlock_timeout */
		nap();
	ok(waitpid(first, NULL, WNOHANG) == 0 && waitpid(second, NULL, WNOHANG) == 0,
	   "it waits for a reader as well");
	is_str(ask(REACHED), "2", "what came before it is done, itself it is not");
	PQfinish(reader);
	is_int(end_of(first), 0,
	       "it ends when the reader has; who waits for a turn is no hindrance");
	is_int(end_of(second), 0, "and so does the other");
	is_str(ask(ONE_N_IS), "t", "the index is valid");
	is_str(ask("SELECT string_agg(name, ' ' ORDER BY number) FROM schema_migration"),
	       "one two one_n after", "each is remembered, once");
}

static void is_killed(pid_t pid)
{
	kill(pid, SIGKILL);
	is_int(end_of(pid), SIGKILL, "a migration is killed while it builds an index");
	ok(comes("SELECT count(*) FROM " TURN, "0"), "the server notices");
}

static void is_cancelled(pid_t pid)
{
	ask("SELECT pg_cancel_backend(pid) FROM " TURN);
	ok(end_of(pid) != 0, "a migration is cancelled while it builds an index");
}

static void an_interrupted_one_begins_anew(void (*interrupt)(pid_t))
{
	const char *left;
	struct migrate_report r;
	PGconn *reader;
	pid_t pid;

	start_anew();
	reader = begin_reader();
	pid = begin_concurrent();
	ok(comes(ONE_N_IS, "f"), "the index is begun");
	interrupt(pid);
	PQfinish(reader);
	left = ask(ONE_N_ID);
	is_str(ask(ONE_N_IS), "f", "what it leaves is not valid");
	is_str(ask(REACHED), "2", "and not remembered");
	ask("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'two_n'::regclass");
	is_int(migrate_with(arena, conninfo, concurrent, CONCURRENT, &r).code, PROBLEM_NONE,
	       "the next run has no problem");
	is_int(r.from, 2, "it goes on there");
	is_str(ask(ONE_N_IS), "t", "it leaves a valid index");
	ok(strcmp(ask(ONE_N_ID), left) != 0, "which is another one");
	is_str(ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'two_n'::regclass"), "f",
	       "other indexes are left alone");
	is_str(ask(REACHED), "4", "all are remembered");
}

static void a_built_index_is_kept(void)
{
	const char *built;
	struct migrate_report r;

	start_anew();
	is_int(migrate_with(arena, conninfo, concurrent, 3, &r).code, PROBLEM_NONE, "they apply");
	ask("DELETE FROM schema_migration WHERE number = 3");
	built = ask(ONE_N_ID);
	is_int(migrate_with(arena, conninfo, concurrent, CONCURRENT, &r).code, PROBLEM_NONE,
	       "an index that was built and not remembered is no problem");
	is_str(ask(ONE_N_ID), built, "it is not built twice");
	is_str(ask(REACHED), "4", "it is remembered now");
}

static const struct {
	const char *text, *fault; /* "": taken */
} texts[] = {
	{"-- concurrently\\n-- Why; how.\\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n\\n\\tON t "
	 "(n);",
	 ""},
	{"-- concurrently\\nDO $$\\nBEGIN\\n\\tPERFORM 1;\\nEND $$;", ""},
	{"CREATE TABLE t (n int); CREATE INDEX t_n ON t (n);", ""},
	{"-- concurrently\\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n); SELECT 1;",
	 "one statement"},
	{"-- concurrently\\nDO $$ BEGIN END $$; DO $$ BEGIN END $$;", "one statement"},
	{"-- concurrently\\nCREATE INDEX CONCURRENTLY t_n ON t (n);", "one statement"},
	{"-- concurrently\\nCREATE INDEX IF NOT EXISTS t_n ON t (n);", "one statement"},
	{"-- concurrently\\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_m ON t (m);",
	 "NOT EXISTS t_n"},
	{"-- concurrently\\nCREATE TABLE t (n int);", "one statement"},
	{"-- concurrently", "one statement"},
	{"CREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n);",
	 "whose first line is: -- concurrently"},
};

/* What tools/migrations.awk says to a file 0001_t_n.sql with this text. */
static void read_fault(const char *text, char *said, size_t room)
{
	static const char make[] = "dir=$(mktemp -d) || exit 1; file=$dir/0001_t_n.sql; "
				   "printf '%b\\n' \"$1\" >\"$file\"; echo \"0 $file\" | "
				   "awk -f tools/migrations.awk - \"$file\" 2>&1 >/dev/null; "
				   "rm -r \"$dir\"";
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[1]);
		execl("/bin/bash", "bash", "-c", make, "bash", text, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (room > 1) {
		const ssize_t n = read(ends[0], said, room - 1);

		if (n <= 0)
			break;
		said += n;
		room -= (size_t)n;
	}
	*said = '\0';
	close(ends[0]);
	is_int(end_of(pid), 0, "it is read");
}

static void texts_are_checked(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *fault = texts[i].fault;
		char said[1024];

		read_fault(texts[i].text, said, sizeof(said));
		if (!ok(*fault ? strstr(said, fault) != NULL : !*said, "%s: %s", texts[i].text,
			*fault ? fault : "taken"))
			printf("# got: %s\n", said);
	}
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
	setenv("PGOPTIONS",
	       "-c search_path=t_migrate -c client_min_messages=warning "
	       "-c deadlock_timeout=100ms",
	       1);
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
	a_concurrent_one_waits_for_all_and_holds_nobody_up();
	an_interrupted_one_begins_anew(is_killed);
	an_interrupted_one_begins_anew(is_cancelled);
	a_built_index_is_kept();
	texts_are_checked();
	other_encodings_are_refused();
	is_problem(migrate(arena, "host=/nowhere port=1 dbname=none", &r), PROBLEM_UNAVAILABLE,
		   "cannot be reached", "a server that is away");
	ask("DROP SCHEMA t_migrate CASCADE");
	PQfinish(pg);
	arena_free(arena);
	return tap_done();
}
