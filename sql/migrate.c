#include "sql/migrate.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "sql/conninfo.h"

enum { OLDEST_SERVER = 150000, PAUSE_MS = 100 };

static inline void close_connection(PGconn **pg)
{
	PQfinish(*pg);
}
static inline void close_result(PGresult **res)
{
	PQclear(*res);
}
#define AUTO_CONNECTION __attribute__((cleanup(close_connection))) PGconn *
#define AUTO_RESULT     __attribute__((cleanup(close_result))) PGresult *

/* A change that waits for a table holds up everybody behind it: that has a limit. */
#define LOCKS_LIMITED "SET lock_timeout = '5s'"
/* An index that is built concurrently waits as well, and nobody behind it. */
#define LOCKS_UNLIMITED "SET lock_timeout = 0"

static const char session[] =
	"SET client_min_messages = warning; SET statement_timeout = 0;" LOCKS_LIMITED;

/* Not every system's server can; where it can, who was killed soon has its turn no more. */
static const char notice_death[] = "SET client_connection_check_interval = '2s'";

static const char try_turn[] =
	"SELECT WHERE pg_try_advisory_lock(hashtextextended('hallmark.migrate', 0))";

static const char find_broken[] =
	"SELECT format('DROP INDEX CONCURRENTLY %s', i.indexrelid::regclass) FROM pg_index i "
	"WHERE i.indexrelid = to_regclass($1) AND NOT i.indisvalid";

static const char make_history[] =
	"CREATE TABLE schema_migration ("
	"number int4 PRIMARY KEY, sha256 text COLLATE \"C\" NOT NULL, name text COLLATE \"C\" NOT "
	"NULL,"
	"applied_at timestamptz NOT NULL DEFAULT now());"
	"COMMENT ON TABLE schema_migration IS 'The migrations that made this schema.';"
	"COMMENT ON COLUMN schema_migration.number IS 'From 1, without gaps.';"
	"COMMENT ON COLUMN schema_migration.sha256 IS 'Of the file that was applied.';"
	"COMMENT ON COLUMN schema_migration.name IS 'Of the file, without its number.';"
	"COMMENT ON COLUMN schema_migration.applied_at IS 'When.'";

int migrate_latest(void)
{
	return migrations_count;
}

/* libpq's messages end with a newline, and some have several lines. */
static const char *first_line(struct arena *a, const char *message)
{
	return arena_dup(a, message, strcspn(message, "\n"));
}

static bool is_busy(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state && strcmp(state, "55P03") == 0; /* lock_not_available */
}

static struct problem run(struct arena *a, PGconn *pg, const char *what, const char *sql)
{
	AUTO_RESULT res = PQexec(pg, sql);
	const ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return NO_PROBLEM;
	if (is_busy(res))
		return problem(
			a, PROBLEM_BUSY,
			"%s: a table stayed locked by another session for 5 seconds; nothing was "
			"changed by it, run the migration again when the database is quieter",
			what);
	return problem(a, PROBLEM_INTERNAL, "%s: %s", what, first_line(a, PQerrorMessage(pg)));
}

static struct problem check_server(struct arena *a, PGconn *pg)
{
	AUTO_RESULT res = NULL;
	const char *encoding;

	if (PQserverVersion(pg) < OLDEST_SERVER)
		return problem(a, PROBLEM_INVALID,
			       "the server is PostgreSQL %s; Hallmark needs 15 or newer",
			       PQparameterStatus(pg, "server_version"));
	encoding = PQparameterStatus(pg, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return problem(a, PROBLEM_INVALID,
			       "the database is encoded in %s; make it with CREATE DATABASE %s "
			       "ENCODING 'UTF8' TEMPLATE template0",
			       encoding ? encoding : "an unknown encoding", PQdb(pg));
	res = PQexec(pg, "SELECT pg_is_in_recovery()");
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return problem(a, PROBLEM_UNAVAILABLE, "the database does not answer: %s",
			       first_line(a, PQerrorMessage(pg)));
	if (strcmp(PQgetvalue(res, 0, 0), "t") == 0)
		return problem(
			a, PROBLEM_INVALID,
			"the server is a standby, which cannot be written to; name the primary");
	return NO_PROBLEM;
}

static struct problem check_applied(struct arena *a, const PGresult *res, int row,
				    const struct migration *set, int count)
{
	const int number = (int)strtol(PQgetvalue(res, row, 0), NULL, 10);

	if (number != row + 1)
		return problem(a, PROBLEM_CONFLICT,
			       "schema_migration lacks number %d; restore the table from a backup",
			       row + 1);
	if (number > count)
		return problem(
			a, PROBLEM_CONFLICT,
			"the schema is at %d and this program knows %d; run a release at least as "
			"new as the one that migrated it",
			PQntuples(res), count);
	if (strcmp(PQgetvalue(res, row, 1), set[row].sha256) != 0)
		return problem(
			a, PROBLEM_CONFLICT,
			"migration %04d_%s was applied from another text (%.12s here, %.12s in the "
			"database); run the release that was installed before, or restore a backup",
			number, set[row].name, set[row].sha256, PQgetvalue(res, row, 1));
	return NO_PROBLEM;
}

static struct problem read_history(struct arena *a, PGconn *pg, const struct migration *set,
				   int count, int *applied)
{
	AUTO_RESULT res = PQexec(pg, "SELECT number, sha256 FROM schema_migration ORDER BY number");

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return problem(a, PROBLEM_INTERNAL, "schema_migration cannot be read: %s",
			       first_line(a, PQerrorMessage(pg)));
	for (int row = 0; row < PQntuples(res); row++)
		TRY(check_applied(a, res, row, set, count));
	*applied = PQntuples(res);
	return NO_PROBLEM;
}

static struct problem ensure_history(struct arena *a, PGconn *pg)
{
	AUTO_RESULT res =
		PQexec(pg, "SELECT FROM pg_class WHERE oid = to_regclass('schema_migration')");

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return problem(a, PROBLEM_INTERNAL, "the catalogue cannot be read: %s",
			       first_line(a, PQerrorMessage(pg)));
	if (PQntuples(res) > 0)
		return NO_PROBLEM;
	return run(a, pg, "making schema_migration", make_history);
}

static struct problem remember(struct arena *a, PGconn *pg, const struct migration *m)
{
	const char *const values[] = {arena_printf(a, "%d", m->number), m->name, m->sha256};
	AUTO_RESULT res = PQexecParams(
		pg, "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)", 3,
		NULL, values, NULL, NULL, 0);

	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		return problem(a, PROBLEM_INTERNAL, "schema_migration cannot be written: %s",
			       first_line(a, PQerrorMessage(pg)));
	FAILPOINT(MIGRATION_APPLIED);
	return NO_PROBLEM;
}

/* A failure leaves its transaction to the end of the connection, which takes it back. */
static struct problem apply_whole(struct arena *a, PGconn *pg, const char *what,
				  const struct migration *m)
{
	TRY(run(a, pg, what, "BEGIN"));
	TRY(run(a, pg, what, m->sql));
	TRY(remember(a, pg, m));
	return run(a, pg, what, "COMMIT");
}

/* What was interrupted while it built the index left it there: each write keeps it, no
 * query may use it, and IF NOT EXISTS would be content with it. */
static struct problem drop_broken(struct arena *a, PGconn *pg, const char *what,
				  const struct migration *m)
{
	AUTO_RESULT res = PQexecParams(pg, find_broken, 1, NULL, (const char *const[]){m->name},
				       NULL, NULL, 0);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return problem(a, PROBLEM_INTERNAL, "%s: %s", what,
			       first_line(a, PQerrorMessage(pg)));
	return PQntuples(res) > 0 ? run(a, pg, what, PQgetvalue(res, 0, 0)) : NO_PROBLEM;
}

static struct problem apply_concurrently(struct arena *a, PGconn *pg, const char *what,
					 const struct migration *m)
{
	log_line(LOG_INFO, "migrating beside writers; waits for transactions that are older",
		 LOG_INT("number", m->number), LOG_TEXT("name", m->name));
	TRY(run(a, pg, what, LOCKS_UNLIMITED));
	TRY(drop_broken(a, pg, what, m));
	TRY(run(a, pg, what, m->sql));
	TRY(remember(a, pg, m));
	return run(a, pg, what, LOCKS_LIMITED);
}

static bool is_concurrent(const struct migration *m)
{
	static const char first[] = "-- concurrently\n";

	return strncmp(m->sql, first, sizeof(first) - 1) == 0;
}

static struct problem apply(struct arena *a, PGconn *pg, const struct migration *m)
{
	const char *what = arena_printf(a, "migration %04d_%s", m->number, m->name);

	TRY((is_concurrent(m) ? apply_concurrently : apply_whole)(a, pg, what, m));
	FAILPOINT(MIGRATION_COMMITTED);
	log_line(LOG_INFO, "migrated", LOG_INT("number", m->number), LOG_TEXT("name", m->name));
	return NO_PROBLEM;
}

/* Another process may migrate for minutes: its turn is waited for without a limit. It is asked
 * for again and again, since a statement that waited would be waited for by the other's
 * CREATE INDEX CONCURRENTLY. */
static struct problem take_turn(struct arena *a, PGconn *pg)
{
	static const char what[] = "waiting for another migration";

	TRY(run(a, pg, what, session));
	PQclear(PQexec(pg, notice_death));
	for (bool told = false;; told = true) {
		AUTO_RESULT res = PQexec(pg, try_turn);

		if (PQresultStatus(res) != PGRES_TUPLES_OK)
			return problem(a, PROBLEM_INTERNAL, "%s: %s", what,
				       first_line(a, PQerrorMessage(pg)));
		if (PQntuples(res) > 0)
			return NO_PROBLEM;
		if (!told)
			log_line(LOG_INFO, what);
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
	}
}

struct problem migrate_with(struct arena *a, const char *conninfo, const struct migration *set,
			    int count, struct migrate_report *report)
{
	static const char *const keywords[] = {"target_session_attrs", "dbname", NULL};
	const char *const values[] = {conninfo_preset_attributes(conninfo), conninfo, NULL};
	AUTO_CONNECTION pg = PQconnectdbParams(keywords, values, 1);

	*report = (struct migrate_report){0};
	if (PQstatus(pg) != CONNECTION_OK)
		return problem(a, PROBLEM_UNAVAILABLE, "the database cannot be reached: %s",
			       first_line(a, PQerrorMessage(pg)));
	TRY(check_server(a, pg));
	TRY(take_turn(a, pg));
	FAILPOINT(MIGRATION_TURN);
	TRY(ensure_history(a, pg));
	TRY(read_history(a, pg, set, count, &report->from));
	report->to = report->from;
	while (report->to < count) {
		TRY(apply(a, pg, &set[report->to]));
		report->to++;
	}
	return NO_PROBLEM;
}

struct problem migrate(struct arena *a, const char *conninfo, struct migrate_report *report)
{
	return migrate_with(a, conninfo, migrations, migrations_count, report);
}
