/* db_lane.c - how many look-ups by primary key a second one loop's read lane answers.
 *
 *	db_lane CONNINFO [DEPTH [SECONDS]]
 *
 * DEPTH calls are in flight all the time; each answered one is submitted again at
 * once. It makes the table bench_lane in the database if that is not there.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/poller.h"
#include "base/timestamp.h"
#include "sql/db.h"
#include "sql/oid.h"

enum { ROWS = 10000, SECOND = 1000000 };

static const unsigned types[] = {OID_INT8};
static const struct statement table[] = {
	{"bench_get", "SELECT id, name, made FROM bench_lane WHERE id = $1", LANE_READ, 1, types,
	 0},
};

struct asker {
	struct db_call call;
	struct args args;
	struct arena *arena;
	struct db *db;
	uint64_t *answered, *failed;
	uint64_t next;
};

static void ask(struct asker *a)
{
	arena_reset(a->arena);
	a->args = args_new(a->arena);
	arg_int8(&a->args, 1 + (int64_t)(a->next++ * 7919 % ROWS));
	db_submit(a->db, &a->call);
}

static void on_answer(struct db_call *call, const PGresult *res, struct problem p)
{
	struct asker *a = (struct asker *)call;

	if (p.code == PROBLEM_NONE && PQntuples(res) == 1)
		++*a->answered;
	else
		++*a->failed;
	ask(a);
}

static bool make_table(const char *conninfo)
{
	PGconn *pg = PQconnectdb(conninfo);
	PGresult *res = PQexec(
		pg, "DO $$ BEGIN IF to_regclass('bench_lane') IS NULL THEN"
		    " CREATE TABLE bench_lane (id int8 PRIMARY KEY, name text, made timestamptz);"
		    " INSERT INTO bench_lane SELECT i, 'model ' || i, now()"
		    " FROM generate_series(1, 10000) i; END IF; END $$");
	const bool good = PQresultStatus(res) == PGRES_COMMAND_OK;

	if (!good)
		fprintf(stderr, "db_lane: %s", PQerrorMessage(pg));
	PQclear(res);
	PQfinish(pg);
	return good;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / SECOND;
}

static void turn_until(struct poller *p, int64_t end)
{
	while (monotonic_us() < end)
		poller_turn(p, end);
}

int main(int argc, char **argv)
{
	const int depth = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 64;
	const int seconds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;
	uint64_t answered = 0, failed = 0;

	if (argc < 2 || depth < 1 || seconds < 1 || !make_table(argv[1])) {
		fputs("usage: db_lane CONNINFO [DEPTH [SECONDS]]\n", stderr);
		return 100;
	}
	struct asker *askers = calloc((size_t)depth, sizeof(*askers));
	struct poller *p = poller_new();
	struct db *db =
		p ? db_open(p, &(struct db_options){argv[1], table, 1, 1, 1, 2 * depth}) : NULL;
	if (!db || !askers) {
		fputs("db_lane: out of memory\n", stderr);
		exit(111);
	}
	for (int i = 0; i < depth; i++) {
		askers[i] = (struct asker){
			.call = {.statement = table, .args = &askers[i].args, .done = on_answer},
			.arena = arena_new(1 << 20),
			.db = db,
			.answered = &answered,
			.failed = &failed,
			.next = (uint64_t)i};
		ask(&askers[i]);
	}
	turn_until(p, monotonic_us() + SECOND); /* warm up: connect, prepare, plan */
	const double cpu = cpu_seconds();
	const int64_t start = monotonic_us();
	answered = 0;
	turn_until(p, start + (int64_t)seconds * SECOND);
	const double took = (double)(monotonic_us() - start) / SECOND;
	printf("%d in flight: %.0f calls/s, %.2f us of this program's CPU each, %llu failed\n",
	       depth, (double)answered / took, (cpu_seconds() - cpu) / (double)answered * SECOND,
	       (unsigned long long)failed);
	exit(0); /* with calls in flight, on purpose */
}
