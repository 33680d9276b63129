/* t_shared.c - changes that share a transaction (sql/pool.h), against a real PostgreSQL.
 *
 * It makes tables named t_shared… in the database of HALLMARK_TEST_DATABASE.
 */
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "sql/oid.h"
#include "tap.h"
#include "tests/unit/ask.h"

enum { ADD, TRANSACTION, DIVIDE, ONCE, LOCK, NAP, HELD, COUNT, SHOW, TABLE };

static const unsigned int8[] = {OID_INT8}, text[] = {OID_TEXT};
static const unsigned nap[] = {OID_FLOAT8, OID_INT8};

static const struct statement table[TABLE] = {
	ROW(ADD, LANE_SHARED, "INSERT INTO t_shared (v) VALUES ($1) RETURNING v", int8),
	ROW(TRANSACTION, LANE_SHARED,
	    "INSERT INTO t_shared (v) VALUES ($1) RETURNING txid_current()", int8),
	ROW(DIVIDE, LANE_SHARED, "SELECT 100 / $1 AS v", int8),
	ROW(ONCE, LANE_SHARED, "INSERT INTO t_shared_once VALUES ($1) RETURNING v", int8),
	ROW(LOCK, LANE_SHARED, "UPDATE t_shared_lock SET v = v WHERE v = $1 RETURNING v", int8),
	ROW(NAP, LANE_SHARED, "SELECT $2 AS v FROM pg_sleep($1)", nap),
	ROW(HELD, LANE_WRITE, "SELECT $2 AS v FROM pg_sleep($1)", nap),
	ROW(COUNT, LANE_SHARED,
	    "INSERT INTO t_shared (v) VALUES (-length($1)) RETURNING pg_backend_pid()::int8", text),
	ROW(SHOW, LANE_SHARED, "SELECT current_setting($1) AS v", text),
};

static const char clean_up[] = "SET client_min_messages = error;"
			       "DROP TABLE IF EXISTS t_shared, t_shared_once, t_shared_lock;";
static const char set_up[] =
	"CREATE TABLE t_shared (v int8);"
	"CREATE TABLE t_shared_once (v int8 UNIQUE DEFERRABLE INITIALLY DEFERRED);"
	"INSERT INTO t_shared_once VALUES (1);"
	"CREATE TABLE t_shared_lock (v int8 PRIMARY KEY);"
	"INSERT INTO t_shared_lock SELECT generate_series(1, 40);";

static int64_t rows(int64_t from, int64_t to)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM t_shared WHERE v BETWEEN %lld AND %lld",
		 (long long)from, (long long)to);
	return admin_number(sql);
}

/* Until then what could share a transaction goes alone. */
static void open_shared(int write_lanes, int queue_limit)
{
	const int64_t end = monotonic_us() + 3 * (int64_t)SECOND;

	open_db(conninfo, write_lanes, queue_limit);
	while (!db_state(db).lanes[LANE_SHARED] && monotonic_us() < end)
		poller_turn(poller, end);
	ok(db_state(db).lanes[LANE_SHARED] > 0, "a shared lane is up");
}

static struct ask *ask_key(int id, int64_t v, uint64_t key)
{
	struct ask *a = new_ask(&table[id]);

	arg_int8(&a->args, v);
	a->call.key = key;
	return submit(a);
}

static int not_good(int from, int to)
{
	int wrong = 0;

	for (int i = from; i < to; i++)
		wrong += asks[i].problem.code != PROBLEM_NONE;
	return wrong;
}

/* How many transactions the asks were made in; each answered with its own's number. */
static int transactions(int n)
{
	int different = 0;

	for (int i = 0; i < n; i++) {
		int k = 0;
		while (k < i && asks[k].value != asks[i].value)
			k++;
		different += k == i;
	}
	return different;
}

static void test_together(void)
{
	begin("a hundred changes at once");
	for (int i = 0; i < 100; i++)
		ask_key(TRANSACTION, 1000 + i, (uint64_t)(100 - i));
	finish();
	is_int(not_good(0, 100), 0, "are all made");
	is_int(rows(1000, 1099), 100, "and are all there");
	ok(transactions(100) <= 8, "in %d transactions", transactions(100));
	begin("a change alone");
	ask_key(TRANSACTION, 1100, 1);
	finish();
	is_int(not_good(0, 1), 0, "is made at once");
	ok(asks[0].at < SECOND / 2, "and waits for nobody");
}

/* The keys are given backwards; of each key the calls keep their order. */
static void test_order_of_keys(void)
{
	int wrong = 0, places[3] = {0};

	begin("the order in a unit");
	for (int i = 0; i < 12; i++)
		ask_key(ADD, i, (uint64_t)(3 - i % 3));
	finish();
	for (int i = 0; i < 12; i++) {
		int *last = &places[2 - i % 3];

		wrong += asks[i].place / 4 != 2 - i % 3 || asks[i].place < *last;
		*last = asks[i].place;
	}
	is_int(wrong, 0, "is that of the keys, and in a key that of the calls");
}

static void test_error(void)
{
	begin("an error in the middle of a unit");
	for (int i = 0; i < 10; i++)
		ask_key(i == 5 ? DIVIDE : ADD, i == 5 ? 0 : 2000 + i, 7);
	finish();
	is_int(not_good(0, 5) + not_good(6, 10), 0, "leaves the others made");
	is_code(&asks[5], PROBLEM_INTERNAL, "the one that is wrong");
	is_int(rows(2000, 2009), 9, "each once");
	is_int(db_state(db).reconnects, 0, "and the lane stays");
}

static void test_commit_failure(void)
{
	begin("a commit that fails");
	for (int i = 0; i < 8; i++)
		ask_key(i == 2 ? ONCE : ADD, i == 2 ? 1 : 3000 + i, 7);
	finish();
	is_int(not_good(0, 2) + not_good(3, 8), 0, "is not the fault of the others in its unit");
	is_code(&asks[2], PROBLEM_INTERNAL, "but of the one that broke the rule");
	is_int(rows(3000, 3009), 7, "each of the others is made once");
}

/* The unit waits for a lock for as long as lock_timeout of shared lanes says. */
static void test_lock(void)
{
	begin("a unit with a call whose lock somebody holds");
	PQclear(PQexec(admin, "BEGIN; SELECT FROM t_shared_lock WHERE v = 1 FOR UPDATE"));
	for (int i = 0; i < 6; i++)
		ask_key(i == 3 ? LOCK : ADD, i == 3 ? 1 : 4000 + i, (uint64_t)i);
	turn_for(SECOND);
	is_int(not_good(0, 3) + not_good(4, 6), 0, "makes the others without it");
	is_int(asks[3].ended, 0, "it goes on waiting alone");
	PQclear(PQexec(admin, "COMMIT"));
	finish();
	is_int(asks[3].value, 1, "and has the lock once that is free");
	is_int(rows(4000, 4009), 5, "nothing is made twice");
}

/* Two engines, as two replicas are, over the same rows in opposite orders. */
static void test_no_circle(void)
{
	struct db *first = db;
	const int64_t before = admin_number("SELECT deadlocks FROM pg_stat_database"
					    " WHERE datname = current_database()");

	begin("two engines that lock the same rows");
	open_db(conninfo, 4, 1024);
	struct db *second = db;
	for (int i = 0; i < 400; i++) {
		const int row = 1 + (i / 2 * 7) % 40;

		db = i % 2 ? first : second;
		ask_key(LOCK, i % 2 ? row : 41 - row, (uint64_t)(i % 2 ? row : 41 - row));
		if (i % 16 == 15)
			turn_for(500);
	}
	finish();
	is_int(not_good(0, 400), 0, "get them all");
	turn_for(SECOND / 5);
	PQclear(PQexec(admin, "SELECT pg_stat_force_next_flush()"));
	is_int(admin_number("SELECT deadlocks FROM pg_stat_database"
			    " WHERE datname = current_database()"),
	       before, "without a deadlock");
	db_close(second);
	db = first;
}

static void test_long(void)
{
	static char word[10 << 10];
	int64_t small = 0;

	begin("a call with much to say");
	memset(word, 'x', sizeof(word) - 1);
	ask_text(COUNT, "x");
	finish();
	small = asks[0].value;
	begin("goes alone");
	ask_text(COUNT, word);
	ask_text(COUNT, "y");
	finish();
	is_int(not_good(0, 2), 0, "both are made");
	ok(asks[0].value != small && asks[1].value != asks[0].value, "in sessions of their own");
}

/* Every unit waits for the table and fails, and so do its calls, alone. */
static void test_flood(void)
{
	int wrong = 0, made = 0;

	open_shared(1, 20);
	begin("more calls that cannot go on than may wait");
	PQclear(PQexec(admin, "BEGIN; LOCK TABLE t_shared_lock IN EXCLUSIVE MODE"));
	for (int i = 0; i < 400; i++) {
		ask_key(LOCK, 1 + i % 40, (uint64_t)(1000 + i));
		if (i % 20 == 19)
			turn_for(150000);
	}
	PQclear(PQexec(admin, "COMMIT"));
	finish();
	for (int i = 0; i < 400; i++) {
		wrong += asks[i].problem.code != PROBLEM_NONE &&
			 asks[i].problem.code != PROBLEM_BUSY;
		made += asks[i].problem.code == PROBLEM_NONE;
	}
	is_int(wrong, 0, "are answered that the database is busy");
	ok(made > 0 && made < 400, "%d of 400 were made", made);
	is_int(db_state(db).waiting, 0, "nothing waits any more");
	db_close(db);
}

static void test_session(void)
{
	begin("the session's settings");
	const struct ask *lock = ask_text(SHOW, "lock_timeout"),
			 *limit = ask_text(SHOW, "statement_timeout"),
			 *read_only = ask_text(SHOW, "default_transaction_read_only");
	finish();
	is_str(lock->word, "100ms", "lock_timeout");
	is_str(limit->word, "1s", "statement_timeout");
	is_str(read_only->word, "off", "it may write");
}

static void test_killed(void)
{
	begin("a session killed with a unit in flight");
	for (int i = 0; i < 4; i++)
		ask_key(ADD, 6000 + i, (uint64_t)i);
	ask_nap(NAP, 0.6, 1, 9);
	turn_for(200000);
	ok(kill_lanes() > 0, "the lanes are killed");
	finish();
	for (int i = 0; i < 5; i++)
		is_code(&asks[i], PROBLEM_OUTCOME_UNKNOWN, "a call of it");
	is_int(rows(6000, 6003), 0, "nothing of it was made");
	turn_for(50000); /* until every loss is noticed */
	begin("the next unit");
	ask_key(ADD, 6010, 1);
	finish();
	is_int(not_good(0, 1), 0, "is made");
}

static void test_close(void)
{
	begin("closing with a unit in flight and another waiting");
	for (int i = 0; i < 3; i++)
		ask_nap(NAP, 0.4, i, 1);
	turn_for(100000);
	for (int i = 0; i < 40; i++)
		ask_nap(NAP, 0.4, i, 1);
	turn_for(100000);
	db_close(db);
	is_int(nended, nasks, "ends every call");
	is_code(&asks[0], PROBLEM_OUTCOME_UNKNOWN, "one in flight");
	is_code(&asks[42], PROBLEM_UNAVAILABLE, "one that waited");
}

/* Whatever happens to the sessions: what is acknowledged is there, once, and what failed is not. */
static void test_trouble(void)
{
	int lies = 0, unknown = 0;

	open_shared(4, 1024);
	begin("sessions that die under load");
	srandom(2026);
	for (int i = 0; i < 1000; i++) {
		ask_key(i % 50 == 49 ? DIVIDE : ADD, i % 50 == 49 ? 0 : 10000 + i,
			(uint64_t)(random() % 8));
		if (i % 200 == 199)
			kill_lanes();
		if (i % 8 == 7)
			turn_for(2000);
	}
	finish();
	for (int i = 0; i < 1000; i++) {
		if (i % 50 == 49)
			continue;
		if (asks[i].problem.code == PROBLEM_OUTCOME_UNKNOWN)
			unknown++;
		else
			lies += rows(10000 + i, 10000 + i) !=
				(asks[i].problem.code == PROBLEM_NONE);
	}
	is_int(lies, 0, "nothing is told that is not so");
	ok(unknown < 400, "most outcomes are known (%d are not)", unknown);
	is_int(admin_number("SELECT count(*) - count(DISTINCT v) FROM t_shared WHERE v >= 10000"),
	       0, "nothing is made twice");
	db_close(db);
}

int main(void)
{
	if (!ask_start(table, TABLE, clean_up, set_up))
		return 0;
	setenv("PGAPPNAME", "t_db", 1); /* of the engine's sessions, which are killed */
	open_shared(4, 1024);
	test_session();
	test_together();
	test_order_of_keys();
	test_error();
	test_commit_failure();
	test_lock();
	test_no_circle();
	test_long();
	test_killed();
	test_close();
	test_trouble();
	test_flood();
	return ask_stop(clean_up);
}
