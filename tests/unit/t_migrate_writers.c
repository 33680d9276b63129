/* What those wait who write while the database is brought up to this release: a registry is made
 * as 0012 left it, and goes on being written through the migrations that came later.
 *
 *	MIGRATE_VERSIONS   how many versions there are, else 10000
 *
 * Fills the database that HALLMARK_TEST_DATABASE names. */
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

/* Of migrations/: what it starts from, where model_metric and its triggers are made, the
 * last before the indexes. */
enum { START = 12, EMPTY_SPANS = 14, FILLED = 15 };

enum { WRITERS = 2, LONGEST_MS = 1000, MODELS = 200 };

static const char *conninfo;
static PGconn *pg;
static struct arena *arena;

static const char *say(PGconn *conn, const char *sql)
{
	PGresult *res = PQexec(conn, sql);
	const char *said = "";

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0)
		said = arena_printf(arena, "%s", PQgetvalue(res, 0, 0));
	else if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		said = arena_printf(arena, "%s", PQresultErrorMessage(res));
	PQclear(res);
	return said;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static bool comes(const char *sql, const char *said)
{
	for (int i = 0; i < 3000; i++, nap()) {
		arena_reset(arena);
		if (strcmp(say(pg, sql), said) == 0)
			return true;
	}
	return false;
}

/* ---- the registry ---------------------------------------------------------------------- */

/* Models m-0 … m-199, a fifth of the versions m-0's; two metrics a version. */
static const char fill[] =
	"SET session_replication_role = replica;"
	"INSERT INTO project (name, created_by) VALUES ('p', 'test');"
	"INSERT INTO model (id, project, name, created_by)"
	" SELECT md5('m' || n)::uuid, 'p', 'm-' || n, 'test' FROM generate_series(0, 199) n;"
	"CREATE TEMP TABLE made AS SELECT md5('m' || g.model)::uuid AS model, md5('v' || "
	"g.n)::uuid AS id,"
	" row_number() OVER (PARTITION BY g.model ORDER BY g.n) AS ordinal"
	" FROM (SELECT n, CASE WHEN n % 5 = 0 THEN 0 ELSE n % 199 + 1 END AS model"
	"	 FROM generate_series(1, current_setting('test.versions')::int) n) g;"
	"INSERT INTO version_counter (model_id, last)"
	" SELECT m.id, (SELECT count(*) FROM made d WHERE d.model = m.id) FROM model m;"
	"INSERT INTO version (id, model_id, ordinal, created_at, state_changed_at, prerelease, "
	"state, semver,"
	" precedence, tags, params, created_by, description)"
	" SELECT d.id, d.model, d.ordinal, now(), now(), false,"
	" CASE WHEN d.ordinal % 10 = 0 THEN 'draft' ELSE 'published' END, '1.0.' || d.ordinal,"
	" core_precedence_1('1.0.' || d.ordinal), '{}', '{}', 'test', '' FROM made d;"
	"INSERT INTO metric_current (version_id, model_id, value, at, arrival, name, dataset, "
	"slice)"
	" SELECT d.id, d.model, ('x' || substr(md5(d.id || s.name), 1, 6))::bit(24)::int, now(), "
	"0, s.name,"
	" '', '' FROM made d, (VALUES ('loss'), ('accuracy')) s (name);"
	"RESET session_replication_role; VACUUM ANALYZE";

static void make_registry(void)
{
	const char *given = getenv("MIGRATE_VERSIONS");
	const long versions = given ? strtol(given, NULL, 10) : 10000;
	PGresult *res;

	say(pg, arena_printf(arena, "SET test.versions = %ld", versions));
	for (const char *at = fill, *end; *at; at = end + (*end == ';')) {
		end = at + strcspn(at, ";");
		res = PQexec(pg, arena_printf(arena, "%.*s", (int)(end - at), at));
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			ok(false, "%.*s: %s", (int)(end - at), at, PQerrorMessage(pg));
		PQclear(res);
	}
}

/* ---- writers ------------------------------------------------------------------------------ */

/* As the service writes. The first model is left to the transaction that is in the way. */
static const char add_metrics[] = "SELECT metrics_store_1(v.model_id, v.id, "
				  "json_build_array(json_build_object('name', 'loss', 'value',"
				  " random() * 1e9), json_build_object('name', 'new-' || (random() "
				  "* 20)::int, 'value', random())), 'test')"
				  " FROM version v WHERE v.model_id = md5('m' || $1::int)::uuid "
				  "ORDER BY v.ordinal DESC LIMIT 1";
static const char create_version[] =
	"SELECT (version_create_1(gen_random_uuid(), 'p', 'm-' || $1::int, NULL, NULL, NULL, "
	"'patch', '{}', '{}', '',"
	" '[{\"name\":\"accuracy\",\"value\":-1}]', NULL, 'test', 'test')).outcome";

struct waited {
	double longest_ms;
	long writes, failed;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool write_once(PGconn *conn, const char *sql, int model, struct waited *w)
{
	char text[16];
	const double began = now_ms();
	PGresult *res;
	bool good;
	double took;

	snprintf(text, sizeof(text), "%d", model);
	res = PQexecParams(conn, sql, 1, NULL, (const char *const[]){text}, NULL, NULL, 0);
	good = PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1;
	took = now_ms() - began;
	if (!good)
		printf("# model %d: %s\n", model, PQresultErrorMessage(res));
	if (took > w->longest_ms)
		w->longest_ms = took;
	w->writes++;
	w->failed += !good;
	PQclear(res);
	return good;
}

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = number;
}

static void go_on_writing(int seed, int to)
{
	struct waited w = {0};
	PGconn *conn = PQconnectdb(conninfo);

	for (int i = seed; !stopped; i++) {
		write_once(conn, add_metrics, 1 + i * 7 % (MODELS - 1), &w);
		write_once(conn, create_version, 1 + i * 11 % (MODELS - 1), &w);
	}
	PQfinish(conn);
	_exit(write(to, &w, sizeof(w)) == sizeof(w) ? 0 : 1);
}

struct writer {
	pid_t pid;
	int from;
};

static void begin_writers(struct writer *writers)
{
	int ends[2];

	for (int i = 0; i < WRITERS; i++) {
		if (pipe(ends) != 0)
			abort();
		writers[i] = (struct writer){.pid = fork(), .from = ends[0]};
		if (writers[i].pid == 0)
			go_on_writing(i * 50, ends[1]);
		close(ends[1]);
	}
}

static void end_writers(const struct writer *writers)
{
	for (int i = 0; i < WRITERS; i++) {
		struct waited w = {0};

		kill(writers[i].pid, SIGTERM);
		if (read(writers[i].from, &w, sizeof(w)) != sizeof(w))
			w.failed = -1;
		waitpid(writers[i].pid, NULL, 0);
		printf("# writer %d: %ld writes, the longest %.0f ms\n", i, w.writes, w.longest_ms);
		ok(w.writes > 0 && w.failed == 0, "writer %d: every write was done", i);
		ok(w.longest_ms < LONGEST_MS, "writer %d: none waited for a second", i);
	}
}

/* ---- migrations ---------------------------------------------------------------------------- */

static pid_t begin_migrating(void)
{
	const pid_t pid = fork();
	struct migrate_report r;

	if (pid != 0)
		return pid;
	_exit(migrate(arena, conninfo, &r).code == PROBLEM_NONE ? 0 : 1);
}

static int reaches(int number)
{
	struct migrate_report r;
	const struct problem p = migrate_with(arena, conninfo, migrations, number, &r);

	return ok(p.code == PROBLEM_NONE && r.to == number, "the schema is at %d", number);
}

/* Every model but the first is written to, each while the migration waits. */
static void all_others_write(const char *when)
{
	struct waited w = {0};

	say(pg, "SET lock_timeout = '1s'");
	for (int model = 1; model < MODELS && w.failed == 0; model++) {
		write_once(pg, add_metrics, model, &w);
		write_once(pg, create_version, model, &w);
	}
	ok(w.failed == 0, "nobody else waits while %s", when);
}

static void a_writer_in_the_way(PGconn *writer)
{
	struct waited w = {0};

	say(writer, "BEGIN");
	ok(write_once(writer, add_metrics, 0, &w), "a writer does not end its transaction");
}

/* The first model's identifier lies between those of the others: some have their spans by then. */
static void spans_wait_for_one_model(PGconn *reader)
{
	PGconn *writer = PQconnectdb(conninfo);
	int status = -1;
	pid_t pid;

	a_writer_in_the_way(writer);
	pid = begin_migrating();
	ok(comes("SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
		 " WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted",
		 "1"),
	   "the spans that were there before wait for it");
	all_others_write("they wait");
	say(writer, "COMMIT");
	PQfinish(writer);
	ok(comes("SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('version_state')",
		 "1"),
	   "then an index is built");
	is_str(say(pg, "SELECT max(number) FROM schema_migration"),
	       arena_printf(arena, "%d", FILLED), "and waits for a reader");
	all_others_write("it waits");
	PQfinish(reader);
	waitpid(pid, &status, 0);
	is_int(status, 0, "the migration ends when nothing is in its way");
}

static void spans_hold_all(void)
{
	is_str(say(pg, "SELECT count(*) FROM metric_current c WHERE NOT EXISTS (SELECT FROM"
		       " model_metric s WHERE s.model_id = c.model_id AND s.name = c.name AND"
		       " s.dataset = c.dataset AND s.slice = c.slice AND c.value BETWEEN s.low"
		       " AND s.high)"),
	       "0", "every value lies in its model's span");
	is_str(say(pg, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0",
	       "every index is valid");
}

int main(void)
{
	struct writer writers[WRITERS];
	PGconn *reader;

	conninfo = getenv("HALLMARK_TEST_DATABASE");
	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c client_min_messages=warning", 1);
	signal(SIGTERM, stop);
	log_threshold = LOG_ERROR;
	arena = arena_new((size_t)4 << 20);
	if (!reaches(START))
		return tap_done();
	pg = PQconnectdb(conninfo);
	make_registry();
	begin_writers(writers);
	reaches(EMPTY_SPANS);
	reader = PQconnectdb(conninfo);
	say(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM version");
	spans_wait_for_one_model(reader);
	reaches(migrate_latest());
	end_writers(writers);
	spans_hold_all();
	PQfinish(pg);
	arena_free(arena);
	return tap_done();
}
