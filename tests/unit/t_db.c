/* t_db.c - the engine against a real PostgreSQL, whole and failing.
 *
 * HALLMARK_TEST_DATABASE is the conninfo of a database the test may use. It makes
 * tables and functions named t_db… there. Where the connection has to fail, a relay
 * stands before the server's socket; those tests are skipped when the server is
 * reached over TCP.
 */
#include "sql/db.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "sql/oid.h"
#include "tap.h"
#include "tests/unit/ask.h"
#include "tests/unit/relay.h"

/* ---- what is asked --------------------------------------------------------------- */

enum {
	ECHO,
	CHANCE,
	DIVIDE,
	NAP,
	SNEAK,
	SLOW_NAP,
	SHOW,
	COUNT_PREPARED,
	ADD,
	LOCK,
	WRITE_NAP,
	FLAKY,
	DEFERRED,
	WRITE_SHOW,
	TABLE
};

static const unsigned int8[] = {OID_INT8}, text[] = {OID_TEXT};
static const unsigned nap[] = {OID_FLOAT8, OID_INT8};

static const struct statement table[TABLE] = {
	ROW(ECHO, LANE_READ, "SELECT $1 AS v", int8),
	ROW(CHANCE, LANE_READ, "SELECT (random() * 1e15)::int8 + $1 AS v", int8),
	ROW(DIVIDE, LANE_READ, "SELECT 100 / $1 AS v", int8),
	ROW(NAP, LANE_READ, "SELECT $2 AS v FROM pg_sleep($1)", nap),
	ROW(SNEAK, LANE_READ, "SELECT t_db_add($1) AS v", int8),
	ROW(SLOW_NAP, LANE_SLOW, "SELECT $2 AS v FROM pg_sleep($1)", nap),
	ROW(SHOW, LANE_SLOW, "SELECT current_setting($1) AS v", text),
	ROW(COUNT_PREPARED, LANE_SLOW,
	    "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'shape%' AND $1 > 0",
	    int8),
	ROW(ADD, LANE_WRITE, "INSERT INTO t_db (v) VALUES ($1) RETURNING v", int8),
	ROW(LOCK, LANE_WRITE, "SELECT v FROM t_db_lock WHERE v = $1 FOR UPDATE", int8),
	ROW(WRITE_NAP, LANE_WRITE, "SELECT $2 AS v FROM pg_sleep($1)", nap),
	ROW(FLAKY, LANE_WRITE, "SELECT t_db_flaky($1) AS v", int8),
	ROW(DEFERRED, LANE_WRITE, "INSERT INTO t_db_deferred VALUES ($1) RETURNING v", int8),
	ROW(WRITE_SHOW, LANE_WRITE, "SELECT current_setting($1) AS v", text),
};

static const char clean_up[] = "SET client_min_messages = error;"
			       "DROP TABLE IF EXISTS t_db, t_db_lock, t_db_deferred;"
			       "DROP SEQUENCE IF EXISTS t_db_tries;"
			       "DROP FUNCTION IF EXISTS t_db_add, t_db_flaky;";
static const char set_up[] =
	"CREATE TABLE t_db (v int8);"
	"CREATE TABLE t_db_lock (v int8);"
	"INSERT INTO t_db_lock VALUES (1);"
	"CREATE TABLE t_db_deferred (v int8 UNIQUE DEFERRABLE INITIALLY DEFERRED);"
	"INSERT INTO t_db_deferred VALUES (1);"
	"CREATE SEQUENCE t_db_tries;"
	"CREATE FUNCTION t_db_add(w int8) RETURNS int8 LANGUAGE sql AS"
	" 'INSERT INTO t_db VALUES (w) RETURNING v';"
	"CREATE FUNCTION t_db_flaky(every int8) RETURNS int8 LANGUAGE plpgsql AS $$"
	" DECLARE n int8 := nextval('t_db_tries');"
	" BEGIN IF n % every <> 0 THEN"
	"  RAISE EXCEPTION 'rivals' USING ERRCODE = 'serialization_failure'; END IF;"
	" RETURN n; END $$";

/* ---- a server that is well ------------------------------------------------------- */

static void test_order(void)
{
	begin("1,000 reads in flight");
	for (int i = 0; i < 1000; i++)
		ask(ECHO, i);
	finish();
	int misplaced = 0, wrong = 0;
	for (int i = 0; i < 1000; i++) {
		misplaced += asks[i].place != i;
		wrong += asks[i].value != i || asks[i].problem.code != PROBLEM_NONE;
	}
	is_int(wrong, 0, "each gets its own answer");
	is_int(misplaced, 0, "answers come in the order of the questions");
}

static void test_neighbours(void)
{
	begin("errors among neighbours");
	for (int i = 0; i < 100; i++)
		ask(i % 10 == 3 ? DIVIDE : ECHO, i % 10 == 3 ? 0 : i);
	finish();
	int wrong = 0;
	for (int i = 0; i < 100; i++)
		wrong += i % 10 == 3 ? asks[i].problem.code != PROBLEM_INTERNAL
				     : asks[i].value != i || asks[i].problem.code != PROBLEM_NONE;
	is_int(wrong, 0, "ten divisions by zero fail, ninety neighbours do not");
	is_int(db_state(db).lanes[LANE_READ], 1, "and the lane stays");
	is_int(db_state(db).reconnects, 0, "the one it was");
}

/* What chance says tells askings apart. */
static void test_twins(void)
{
	int wrong = 0;

	begin("reads that ask the same at the same moment");
	for (int i = 0; i < 60; i++)
		ask(CHANCE, i % 3);
	finish();
	for (int i = 3; i < 60; i++)
		wrong += asks[i].value != asks[i % 3].value || asks[i].problem.code != PROBLEM_NONE;
	is_int(wrong, 0, "are asked once");
	ok(asks[0].value != asks[1].value && asks[1].value != asks[2].value,
	   "others are asked for themselves");
	const int64_t before = asks[0].value;
	begin("the same, later");
	ask(CHANCE, 0);
	turn_for(1);
	ask(CHANCE, 0);
	finish();
	ok(asks[0].value != before && asks[1].value != asks[0].value, "is asked again");
	begin("more questions than are remembered");
	for (int i = 0; i < 200; i++)
		ask(CHANCE, i % 100);
	finish();
	for (int i = 0; i < 200; i++)
		wrong += asks[i].problem.code != PROBLEM_NONE;
	is_int(wrong, 0, "are all answered");
	begin("an error");
	for (int i = 0; i < 10; i++)
		ask(i % 2 ? DIVIDE : ECHO, 0);
	finish();
	for (int i = 0; i < 10; i++)
		wrong += asks[i].problem.code != (i % 2 ? PROBLEM_INTERNAL : PROBLEM_NONE);
	is_int(wrong, 0, "is that of all who asked, and of no other");
}

static void test_read_only(void)
{
	begin("a statement that writes on the read lane");
	const struct ask *a = ask(SNEAK, 77);
	finish();
	is_code(a, PROBLEM_INTERNAL, "the server refuses it");
	is_int(admin_number("SELECT count(*) FROM t_db WHERE v = 77"), 0, "nothing is written");
}

static void test_timeouts(void)
{
	begin("statement_timeout and lock_timeout");
	PQclear(PQexec(admin, "BEGIN; SELECT FROM t_db_lock FOR UPDATE"));
	const struct ask *locked = ask(LOCK, 1), *read = ask_nap(NAP, 3, 1, 0),
			 *after = ask(ECHO, 5);
	finish();
	PQclear(PQexec(admin, "ROLLBACK"));
	is_code(read, PROBLEM_BUSY, "a read over 250 ms");
	ok(read->at < SECOND, "and soon");
	is_int(after->value, 5, "the read behind it is answered");
	is_code(locked, PROBLEM_BUSY, "a lock held for over 2 s");
	ok(locked->at > 1.9 * SECOND && locked->at < 3 * (int64_t)SECOND, "after 2 s");
	begin("the lane afterwards");
	const struct ask *again = ask(LOCK, 1);
	finish();
	is_int(again->value, 1, "the lock can be had");
}

static void test_rivals(void)
{
	begin("serialization failures");
	const struct ask *third = ask(FLAKY, 3);
	finish();
	is_code(third, PROBLEM_NONE, "good at the third try");
	is_int(third->value, 3, "which was the third");
	const struct ask *never = ask(FLAKY, 1000000);
	finish();
	is_code(never, PROBLEM_BUSY, "never good");
	is_int(admin_number("SELECT last_value FROM t_db_tries"), 6, "three tries, not more");
}

static void test_commit_failure(void)
{
	begin("a commit that fails after the statement succeeded");
	const struct ask *a = ask(DEFERRED, 1), *b = ask(DEFERRED, 2);
	finish();
	is_code(a, PROBLEM_INTERNAL, "the constraint checked at commit");
	is_code(b, PROBLEM_NONE, "the one that holds");
	is_int(admin_number("SELECT sum(v) FROM t_db_deferred"), 3, "and the table agrees");
}

static void test_session(void)
{
	begin("the sessions' settings");
	const struct ask *name = ask_text(SHOW, "application_name"),
			 *plan = ask_text(SHOW, "plan_cache_mode"),
			 *slow = ask_text(SHOW, "default_transaction_read_only"),
			 *write = ask_text(WRITE_SHOW, "default_transaction_read_only"),
			 *lock = ask_text(WRITE_SHOW, "lock_timeout"),
			 *limit = ask_text(WRITE_SHOW, "statement_timeout"),
			 *theirs = ask_text(WRITE_SHOW, "t_db.theirs");
	finish();
	is_str(name->word, "hallmark", "application_name");
	is_str(plan->word, "force_custom_plan", "plan_cache_mode of slow lanes");
	is_str(slow->word, "on", "slow lanes are read-only");
	is_str(write->word, "off", "write lanes are not");
	is_str(lock->word, "2s", "lock_timeout of write lanes");
	is_str(limit->word, "5s", "statement_timeout of write lanes");
	is_str(theirs->word, "kept", "the operator's own options are kept");
}

static void test_fairness(void)
{
	int wrong = 0;

	begin("one busy key and another");
	for (int i = 0; i < 12; i++)
		ask_nap(WRITE_NAP, 0.2, i, 1);
	const struct ask *other = ask_nap(WRITE_NAP, 0, 99, 2),
			 *none = ask_nap(WRITE_NAP, 0, 98, 0);
	turn_for(100000);
	is_int(db_state(db).busy[LANE_WRITE], 2, "half of the four lanes work for the busy key");
	is_int(other->problem.code + other->ended, 1,
	       "the other key's call has long been answered");
	is_int(none->ended, 1, "so has the one without a key");
	finish();
	for (int i = 0; i < 12; i++)
		wrong += asks[i].value != i || asks[i].problem.code != PROBLEM_NONE;
	is_int(wrong, 0, "all of the busy key's are answered");
	ok(asks[11].at > 1.1 * SECOND, "two at a time");
	is_int(db_state(db).waiting, 0, "nothing waits any more");
	begin("the busy key afterwards");
	for (int i = 0; i < 4; i++)
		ask_nap(WRITE_NAP, 0.2, i, 1);
	finish();
	ok(asks[3].at < 0.8 * SECOND, "has its two lanes again");
}

static void test_queue_limit(void)
{
	int refused = 0;

	begin("a full queue");
	for (int i = 0; i < 150; i++)
		ask_nap(WRITE_NAP, 0, i, i % 3);
	finish();
	for (int i = 0; i < 150; i++)
		refused += asks[i].problem.code == PROBLEM_BUSY;
	is_int(refused, 50, "takes 100, and refuses what comes beyond");
	ok(asks[149].problem.code == PROBLEM_BUSY, "the last to come is refused");
	begin("a full queue of writes");
	for (int i = 0; i < 100; i++)
		ask_nap(WRITE_NAP, 0, i, 1);
	const struct ask *read = ask(ECHO, 4);
	finish();
	is_int(read->value, 4, "does not keep a read out");
}

static const struct statement *shape(int n)
{
	static char names[500][24], sql[500][48];
	static struct statement shapes[500];

	snprintf(names[n], sizeof(names[n]), "shape%d", n);
	snprintf(sql[n], sizeof(sql[n]), n == 499 ? "SELECT nonsense" : "SELECT $1 + %d AS v", n);
	shapes[n] = (struct statement){names[n], sql[n], LANE_SLOW, 1, int8, TABLE + n};
	return &shapes[n];
}

static void ask_shape(int n)
{
	struct ask *a = new_ask(shape(n));

	arg_int8(&a->args, 1000);
	submit(a);
}

static void test_shapes(void)
{
	int wrong = 0;

	begin("shapes that are prepared on the way");
	for (int round = 0; round < 2; round++)
		for (int n = 0; n < 40; n++)
			ask_shape(n);
	finish();
	for (int i = 0; i < nasks; i++)
		wrong += asks[i].value != 1000 + i % 40;
	is_int(wrong, 0, "each gives its own answer, new and known");
	begin("more shapes than a lane remembers");
	for (int n = 0; n < 450; n++) {
		ask_shape(n);
		if (n % 50 == 49)
			finish();
	}
	for (int n = 0; n < 450; n++)
		wrong += asks[n].value != 1000 + n;
	is_int(wrong, 0, "each gives its own answer");
	const struct ask *count = ask(COUNT_PREPARED, 1);
	finish();
	is_int(count->value, 200, "the lane keeps the last 200");
	begin("a shape the server refuses");
	for (int i = 0; i < 4; i++)
		ask_shape(499);
	ask_shape(1);
	finish();
	for (int i = 0; i < 4; i++)
		is_code(&asks[i], PROBLEM_INTERNAL, "fails each time");
	is_int(asks[4].value, 1001, "and leaves the lane as it was");
	is_int(db_state(db).reconnects, 0, "the same one");
}

static void test_whole_server(void)
{
	open_db(conninfo, 4, 100);
	ok(wait_ready(3 * (int64_t)SECOND), "it is ready");
	is_int(db_state(db).lanes[LANE_SLOW], 0, "no slow lane is opened before it is needed");
	test_session();
	db_close(db);
	setenv("PGAPPNAME", "t_db", 1); /* from here on, so that the right sessions are killed */
	open_db(conninfo, 4, 1024);
	test_order();
	test_neighbours();
	test_twins();
	test_read_only();
	test_timeouts();
	test_rivals();
	test_commit_failure();
	test_fairness();
	test_shapes();
	db_close(db);
	open_db(conninfo, 4, 100);
	test_queue_limit();
	db_close(db);
}

/* ---- a server that fails --------------------------------------------------------- */

static void test_killed(void)
{
	open_db(conninfo, 4, 1024);
	begin("sessions killed with statements in flight");
	const struct ask *slow = ask_nap(SLOW_NAP, 0.5, 1, 0),
			 *write = ask_nap(WRITE_NAP, 0.5, 2, 0);
	turn_for(300000);
	for (int i = 0; i < 50; i++)
		ask_nap(NAP, 0.005, i / 2, 0); /* each with a twin */
	turn_for(30000);
	ok(kill_lanes() >= 3, "a read, a slow and a write lane are killed");
	finish();
	is_code(slow, PROBLEM_NONE, "the slow read is sent again");
	is_int(slow->call.tries, 2, "once");
	is_code(write, PROBLEM_OUTCOME_UNKNOWN, "the write");
	int wrong = 0;
	for (int i = 0; i < 50; i++)
		wrong += asks[2 + i].problem.code != PROBLEM_NONE || asks[2 + i].value != i / 2;
	is_int(wrong, 0, "the reads are all answered, with their own answers");
	ok(db_state(db).reconnects >= 3, "the losses are counted");
	begin("idle sessions killed");
	kill_lanes();
	turn_for(50000);
	const struct ask *next = ask(ADD, 9);
	finish();
	is_code(next, PROBLEM_NONE, "the next write finds a lane");
	db_close(db);
}

static void test_crash_loop(void)
{
	open_db(conninfo, 1, 1024);
	ok(wait_ready(3 * (int64_t)SECOND), "it is ready");
	begin("a read whose session dies each time");
	const struct ask *a = ask_nap(SLOW_NAP, 4, 1, 0);
	for (int i = 0; i < 30 && !a->ended; i++) {
		turn_for(100000);
		kill_lanes();
	}
	finish();
	is_code(a, PROBLEM_UNAVAILABLE, "is given up");
	ok(a->call.tries <= 3, "after three tries at most");
	db_close(db);
}

static void test_close(void)
{
	open_db(conninfo, 2, 1024);
	ok(wait_ready(3 * (int64_t)SECOND), "it is ready");
	begin("closing with calls in flight and waiting");
	const struct ask *reads = ask_nap(NAP, 0.2, 1, 0);
	const struct ask *twin = ask_nap(NAP, 0.2, 1, 0);
	for (int i = 0; i < 5; i++)
		ask_nap(WRITE_NAP, 1, i, 3);
	turn_for(50000);
	db_close(db);
	is_int(nended, nasks, "ends every call");
	finish();
	is_code(reads, PROBLEM_UNAVAILABLE, "the read in flight");
	is_code(twin, PROBLEM_UNAVAILABLE, "and its twin");
	is_code(&asks[2], PROBLEM_OUTCOME_UNKNOWN, "the write in flight");
	for (int i = 3; i < 7; i++)
		is_code(&asks[i], PROBLEM_UNAVAILABLE, "a write that waits for its key");
	begin("closing before anything was sent");
	open_db(conninfo, 2, 1024);
	ask(ECHO, 1);
	ask(ADD, 1);
	db_close(db);
	finish();
	is_code(&asks[0], PROBLEM_UNAVAILABLE, "the read");
	is_code(&asks[1], PROBLEM_UNAVAILABLE, "the write");
}

static void test_bad_statement(void)
{
	static const struct statement bad[] = {
		{"bad", "SELECT v FROM t_db_nowhere WHERE v = $1", LANE_READ, 1, int8, 0}};

	db = db_open(poller, &(struct db_options){.conninfo = conninfo, .table = bad, .ntable = 1});
	begin("a statement that cannot be prepared");
	struct ask *a = new_ask(&bad[0]);
	arg_int8(&a->args, 1);
	submit(a);
	finish();
	is_code(a, PROBLEM_UNAVAILABLE, "the lane never comes up");
	ok(!db_state(db).ready, "the engine is not ready");
	db_close(db);
}

static void test_bad_conninfo(void)
{
	static const char *const bad[] = {"host=", "nonsense", "postgresql://[::1",
					  "port=1 user='x"};

	begin("connection strings");
	for (size_t i = 1; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!db_open(poller, &(struct db_options){.conninfo = bad[i], .table = table}),
		   "%s is refused", bad[i]);
}

/* ---- a server behind a relay ----------------------------------------------------- */

static struct relay *relay;
static char folder[] = "/tmp/t_db.XXXXXX", relayed[256];

static void test_away(void)
{
	relay_set(relay, RELAY_CUT);
	open_db(relayed, 2, 1024);
	begin("a server that is away at the start");
	ask(ECHO, 1);
	ask(ADD, 1);
	ask_nap(SLOW_NAP, 0, 1, 0);
	finish();
	for (int i = 0; i < 3; i++) {
		is_code(&asks[i], PROBLEM_UNAVAILABLE, "a call");
		ok(asks[i].at > 0.8 * SECOND && asks[i].at < 1.3 * SECOND,
		   "after one second (%lld us)", (long long)asks[i].at);
	}
	ok(!db_state(db).ready, "the engine is not ready");
	relay_set(relay, RELAY_CARRY);
	begin("when it has come");
	ask(ECHO, 1);
	ask(ADD, 1);
	ask_nap(SLOW_NAP, 0, 1, 0);
	finish();
	for (int i = 0; i < 3; i++)
		is_code(&asks[i], PROBLEM_NONE, "a call");
	ok(wait_ready(SECOND), "the engine is ready");
}

static void test_restart(void)
{
	begin("a restart under load");
	int failed = 0, unknown = 0;
	for (int i = 0; i < 400; i++) {
		ask(ECHO, i);
		if (i % 10 == 0)
			ask(ADD, 1000 + i);
		if (i == 100)
			relay_set(relay, RELAY_CUT);
		if (i == 140)
			relay_set(relay, RELAY_CARRY);
		turn_for(1000);
	}
	finish();
	for (int i = 0; i < nasks; i++) {
		unknown += asks[i].problem.code == PROBLEM_OUTCOME_UNKNOWN;
		failed += asks[i].problem.code != PROBLEM_NONE;
	}
	is_int(failed, unknown, "nothing fails but writes that were in flight");
	ok(unknown <= 2, "as many as there are lanes at most (%d)", unknown);
	is_int(admin_number("SELECT count(*) - count(DISTINCT v) FROM t_db WHERE v >= 1000"), 0,
	       "no write is made twice");
	ok(admin_number("SELECT count(*) FROM t_db WHERE v >= 1000") >= 40 - unknown,
	   "every acknowledged one is there");
}

/* Any statement at any moment of any trouble: what was promised still holds. */
static void test_trouble(void)
{
	static const int kinds[] = {ECHO, ECHO, ECHO, DIVIDE, ADD, SHOW, FLAKY, DEFERRED};
	int lies = 0, wrong = 0;

	begin("three seconds of trouble");
	srandom(2026);
	for (int i = 0; i < 1100; i++) {
		const int id = kinds[random() % 8];

		if (id == SHOW)
			ask_text(SHOW, "lock_timeout");
		else
			ask(id, id == ADD ? 5000 + i : id == ECHO ? i : 3 * (random() % 2));
		if (random() % 40 == 0)
			relay_set(relay, random() % 2 ? RELAY_CUT : RELAY_CARRY);
		if (random() % 100 == 0)
			kill_lanes();
		turn_for(2000);
	}
	relay_set(relay, RELAY_CARRY);
	finish();
	PQclear(PQexec(admin, "CREATE TEMP TABLE seen AS SELECT v, count(*) AS n FROM t_db"
			      " WHERE v >= 5000 GROUP BY v"));
	for (int i = 0; i < nasks; i++) {
		const struct ask *a = &asks[i];
		char sql[64];

		if (a->call.statement->id == ECHO)
			wrong += a->problem.code == PROBLEM_NONE && a->value != i;
		if (a->call.statement->id != ADD || a->problem.code == PROBLEM_OUTCOME_UNKNOWN)
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM seen WHERE v = %d", 5000 + i);
		lies += admin_number(sql) != (a->problem.code == PROBLEM_NONE);
	}
	is_int(wrong, 0, "no read gets another's answer");
	is_int(lies, 0, "acknowledged writes are there, failed ones are not");
	is_int(admin_number("SELECT count(*) FROM seen WHERE n > 1"), 0, "no write is made twice");
}

static void test_silence(void)
{
	begin("a server that falls silent");
	ask(ECHO, 1);
	ask(ADD, 1);
	ask_nap(SLOW_NAP, 0, 1, 0);
	finish();
	relay_set(relay, RELAY_SILENT);
	begin("calls in flight then");
	const struct ask *read = ask(ECHO, 2), *write = ask(ADD, 2),
			 *slow = ask_nap(SLOW_NAP, 0, 2, 0);
	turn_for(10000);
	const struct ask *first = ask(ADD, 3);
	finish();
	is_code(read, PROBLEM_UNAVAILABLE, "a read");
	ok(read->at < 2.3 * SECOND, "within 2 s (%lld us)", (long long)read->at);
	is_code(slow, PROBLEM_UNAVAILABLE, "a slow one");
	ok(slow->at < 8.3 * SECOND, "within 8 s (%lld us)", (long long)slow->at);
	is_code(write, PROBLEM_OUTCOME_UNKNOWN, "a write");
	ok(write->at < 10.3 * SECOND, "within 10 s (%lld us)", (long long)write->at);
	ok(first->problem.code != PROBLEM_NONE, "one that found no lane fails too");
	relay_set(relay, RELAY_CARRY);
	begin("when it speaks again");
	turn_for(3 * (int64_t)SECOND);
	ask(ECHO, 1);
	ask(ADD, 1);
	finish();
	is_code(&asks[0], PROBLEM_NONE, "a read");
	is_code(&asks[1], PROBLEM_NONE, "a write");
}

/* More than a socket holds: the rest waits for EPOLLOUT, the engine does not. */
static void test_large(void)
{
	static const struct statement large[] = {
		{"large", "SELECT length($1)::int8 AS v", LANE_WRITE, 1, text, 0}};
	static char words[3 << 20];

	memset(words, 'x', sizeof(words) - 1);
	db_close(db);
	db = db_open(poller,
		     &(struct db_options){.conninfo = relayed, .table = large, .ntable = 1});
	begin("arguments larger than a socket's buffer");
	for (int i = 0; i < 4; i++) {
		struct ask *a = new_ask(&large[0]);
		arg_text(&a->args, words);
		submit(a);
	}
	finish();
	for (int i = 0; i < 4; i++)
		is_int(asks[i].value, (int)sizeof(words) - 1, "arrive whole");
}

static void test_behind_relay(void)
{
	char server[108];
	const char *host = PQhost(admin);

	if (!host || host[0] != '/' || !mkdtemp(folder)) {
		ok(true, "relay # SKIP the server is reached over TCP");
		return;
	}
	snprintf(server, sizeof(server), "%s/.s.PGSQL.%s", host, PQport(admin));
	snprintf(relayed, sizeof(relayed), "host=%s user=%s dbname=%s", folder, PQuser(admin),
		 PQdb(admin));
	relay = relay_new(folder, server);
	ok(relay, "the relay listens");
	test_away();
	test_restart();
	test_trouble();
	test_silence();
	test_large();
	db_close(db);
	relay_free(relay);
	rmdir(folder);
}

int main(void)
{
	setenv("PGOPTIONS", "-c t_db.theirs=kept", 1);
	if (!ask_start(table, TABLE, clean_up, set_up))
		return 0;
	test_whole_server();
	test_killed();
	test_crash_loop();
	test_close();
	test_bad_statement();
	test_bad_conninfo();
	test_behind_relay();
	return ask_stop(clean_up);
}
