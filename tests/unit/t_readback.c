/* t_readback.c - what became of a change whose answer was lost, against a real PostgreSQL.
 *
 * Migrates the database that HALLMARK_TEST_DATABASE names, and fills it with events.
 */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "sql/migrate.h"
#include "sql/readback.h"
#include "tap.h"

#define SECOND INT64_C(1000000)
#define MODEL  "00000000-0000-7000-8000-000000000001"

enum { NOBODY = 0x7ffffff0 /* no process has this number */, OLD = 200000, FRESH = 2500 };

static const char *conninfo;
static PGconn *pg;
static struct arena *arena;
static struct poller *poller;
static struct db *db;

static const char *sql(const char *text)
{
	PGresult *res = PQexec(pg, text);
	const char *said = PQresultStatus(res) == PGRES_FATAL_ERROR ? PQresultErrorMessage(res)
			   : PQntuples(res)                         ? PQgetvalue(res, 0, 0)
								    : "";
	const char *copy = arena_printf(arena, "%s", said);

	PQclear(res);
	return copy;
}

/* An event of the request, as any change writes it; id stands in its body. */
static const char *event(const char *request, const char *id)
{
	return arena_printf(arena,
			    "SELECT event_write_1('model.created', 'ada', '%s', 'p', NULL, 'p/m', "
			    "now(), NULL, '{\"id\":\"%s\"}')",
			    request, id);
}

/* ---- asking ------------------------------------------------------------------------ */

static struct {
	bool ended;
	enum readback_end end;
	const char *kind;
} told;

static void on_end(struct readback *r, enum readback_end end)
{
	told.ended = true;
	told.end = end;
	told.kind = end == READBACK_MADE ? arena_printf(arena, "%s", r->kind) : "";
}

static struct readback begin(const char *request, bool unique, const char *mark)
{
	told.ended = false;
	return (struct readback){.poller = poller,
				 .db = db,
				 .request_id = request,
				 .unique = unique,
				 .mark = mark,
				 .until = monotonic_us() + 5 * SECOND,
				 .done = on_end};
}

static void turn_for(int64_t us)
{
	const int64_t end = monotonic_us() + us;

	while (!told.ended && monotonic_us() < end)
		poller_turn(poller, end);
}

/* Of a statement that was sent a second ago to a process. */
static void ask(struct readback *r, int backend)
{
	const struct db_call lost = {.backend = backend, .sent = monotonic_us() - SECOND};

	readback_begin(r, &lost);
}

static void is_told(enum readback_end end, const char *what)
{
	static const char *const words[] = {"unknown", "made", "not made"};

	turn_for(8 * SECOND);
	is_str(told.ended ? words[told.end] : "nothing", words[end], "%s", what);
}

/* ---- what is there, and what is not -------------------------------------------------- */

static void test_events(void)
{
	struct readback r = begin("own", true, NULL);

	sql(event("own", "a"));
	ask(&r, NOBODY);
	is_told(READBACK_MADE, "an event under an id that the service made");
	is_str(told.kind, "model.created", "and its kind");

	sql(event("chosen", "a"));
	r = begin("chosen", false, NULL);
	ask(&r, NOBODY);
	is_told(READBACK_UNKNOWN, "an event under an id that others may have");
	r = begin("chosen", false, "another mark");
	ask(&r, NOBODY);
	is_told(READBACK_UNKNOWN, "the same without the mark");
	sql(event("chosen", MODEL));
	sql(event("chosen", "c"));
	r = begin("chosen", false, MODEL);
	ask(&r, NOBODY);
	is_told(READBACK_MADE, "one of several that bears the mark");

	sql(event("file", "a"));
	sql("INSERT INTO blob (size, touched_at, verified_at, state, sha256, blake2b, storage_key) "
	    "VALUES (0, now(), now(), 'live', sha256(''), sha512(''), 'key')");
	r = begin("file", false, "key");
	ask(&r, NOBODY);
	is_told(READBACK_MADE, "bytes that a row names");

	r = begin("nothing", false, "d");
	ask(&r, NOBODY);
	is_told(READBACK_NOT_MADE, "no event, and the process is gone");
}

/* ---- a process that may still be at it ----------------------------------------------- */

static PGconn *other(void)
{
	PGconn *at_it = PQconnectdb(conninfo);
	/* it must have begun before the statement was sent, a second ago */
	told.ended = false;
	turn_for(1200000);
	return at_it;
}

static void test_running(void)
{
	PGconn *at_it = other();
	struct readback r = begin("late", true, NULL);

	ask(&r, PQbackendPID(at_it));
	turn_for(300000);
	ok(!told.ended, "a process that is still there is waited for");
	PQclear(PQexec(at_it, event("late", "a")));
	is_told(READBACK_MADE, "until it has committed");

	r = begin("never", true, NULL);
	ask(&r, PQbackendPID(at_it));
	turn_for(300000);
	ok(!told.ended, "or …");
	PQfinish(at_it);
	is_told(READBACK_NOT_MADE, "… is gone without a trace");

	at_it = other();
	r = begin("hangs", true, NULL);
	r.until = monotonic_us() + SECOND / 4;
	ask(&r, PQbackendPID(at_it));
	is_told(READBACK_UNKNOWN, "but not for ever");
	PQfinish(at_it);
}

/* The number of a process that is gone is given to another one in time. */
static void test_same_number(void)
{
	PGconn *later = PQconnectdb(conninfo);
	struct readback r = begin("reused", true, NULL);

	ask(&r, PQbackendPID(later));
	is_told(READBACK_NOT_MADE, "a process that began since is another one");
	PQfinish(later);
}

/* ---- among many --------------------------------------------------------------------- */

static void add_events(int n, const char *ago)
{
	sql(arena_printf(arena,
			 "INSERT INTO event (at, kind, actor, subject, request_id, body) "
			 "SELECT now() - interval '%s', 'x.y', 'x', 's', 'r', 'b' "
			 "FROM generate_series(1, %d) n",
			 ago, n));
}

static long events_read(void)
{
	sql("SELECT pg_stat_force_next_flush()");
	return strtol(sql("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables "
			  "WHERE relname = 'event'"),
		      NULL, 10);
}

static const char *run_made(const char *request, const char *thousands)
{
	const char *const args[] = {request, NULL, "1", "1000000", thousands};
	const struct statement *s = &statements[STATEMENT_EVENTS_MADE];

	PGresult *res = PQexecParams(pg, s->sql, s->nparams, s->types, args, NULL, NULL, 0);
	const char *said =
		PQntuples(res) == 1
			? arena_printf(arena, "%s %s", PQgetvalue(res, 0, PQfnumber(res, "whole")),
				       PQgetvalue(res, 0, PQfnumber(res, "kind")))
			: arena_printf(arena, "%s", PQresultErrorMessage(res));
	PQclear(res);
	return said;
}

static void test_many(void)
{
	add_events(OLD, "5 minutes");
	sql(event("among", "a"));
	add_events(FRESH, "0");
	sql("ANALYZE event");
	sql("SET enable_seqscan = off");
	const long before = events_read();
	is_str(run_made("among", "500"), "t model.created", "an event among many is found");
	const long looked_at = events_read() - before;
	ok(looked_at < 2L * FRESH, "%ld of %d events were looked at", looked_at, OLD + FRESH);
	is_str(run_made("absent", "500"), "t ", "one that is not there is known not to be");
	is_str(run_made("absent", "2"), "f ",
	       "and is not, when there are more than may be looked at");
	sql("SET session_replication_role = replica; TRUNCATE event");
	is_str(run_made("absent", "1"), "t ", "in an empty table nothing is missed");
}

int main(void)
{
	struct migrate_report report;

	conninfo = getenv("HALLMARK_TEST_DATABASE");
	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE names no database");
		return 0;
	}
	setenv("PGOPTIONS", "-c client_min_messages=warning", 1);
	log_threshold = LOG_ERROR;
	arena = arena_new((size_t)64 << 20);
	const struct problem p = migrate(arena, conninfo, &report);
	ok(p.code == PROBLEM_NONE, "the schema is made: %s", p.detail ? p.detail : "fine");
	pg = PQconnectdb(conninfo);
	poller = poller_new();
	db = db_open(poller, &(struct db_options){.conninfo = conninfo,
						  .table = statements,
						  .ntable = STATEMENT_COUNT});
	test_events();
	test_running();
	test_same_number();
	test_many();
	db_close(db);
	poller_free(poller);
	PQfinish(pg);
	arena_free(arena);
	return tap_done();
}
