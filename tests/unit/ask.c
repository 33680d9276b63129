#include "tests/unit/ask.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "sql/oid.h"
#include "tap.h"

const struct statement *ask_table;
int ask_ntable;
const char *conninfo;
struct poller *poller;
struct db *db;
static struct arena *arena;
PGconn *admin;
struct ask asks[ASKS];
int nasks, nended;
static int64_t submitted_at;
static bool submitting;
static int ended_while_submitting;

static void on_done(struct db_call *call, const PGresult *res, struct problem p)
{
	struct ask *a = (struct ask *)call;
	uint64_t wire = 0;

	a->ended++;
	a->place = nended++;
	a->at = monotonic_us() - submitted_at;
	a->problem = p;
	ended_while_submitting += submitting;
	if (!res || PQntuples(res) != 1)
		return;
	if (PQftype(res, 0) == OID_INT8) {
		memcpy(&wire, PQgetvalue(res, 0, 0), sizeof(wire));
		a->value = (int64_t)be64toh(wire);
	} else {
		snprintf(a->word, sizeof(a->word), "%s", PQgetvalue(res, 0, 0));
	}
}

struct ask *new_ask(const struct statement *s)
{
	struct ask *a = &asks[nasks++];

	*a = (struct ask){.call = {.statement = s, .done = on_done}};
	a->call.args = &a->args;
	a->args = args_new(arena);
	return a;
}

struct ask *submit(struct ask *a)
{
	submitting = true;
	db_submit(db, &a->call);
	submitting = false;
	return a;
}

struct ask *ask(int id, int64_t v)
{
	struct ask *a = new_ask(&ask_table[id]);

	arg_int8(&a->args, v);
	return submit(a);
}

struct ask *ask_nap(int id, double seconds, int64_t v, uint64_t key)
{
	struct ask *a = new_ask(&ask_table[id]);

	arg_float8(&a->args, seconds);
	arg_int8(&a->args, v);
	a->call.key = key;
	return submit(a);
}

struct ask *ask_text(int id, const char *word)
{
	struct ask *a = new_ask(&ask_table[id]);

	arg_text(&a->args, word);
	return submit(a);
}

void begin(const char *what)
{
	printf("# %s\n", what);
	arena_reset(arena);
	nasks = nended = ended_while_submitting = 0;
	submitted_at = monotonic_us();
}

void turn_for(int64_t us)
{
	const int64_t end = monotonic_us() + us;

	while (monotonic_us() < end)
		poller_turn(poller, end);
}

bool finish(void)
{
	const int64_t end = monotonic_us() + 12 * (int64_t)SECOND;

	while (nended < nasks && monotonic_us() < end)
		poller_turn(poller, end);
	int wrong = 0;
	for (int i = 0; i < nasks; i++)
		wrong += asks[i].ended != 1;
	ok(ended_while_submitting == 0, "no call ends while it is being submitted");
	return ok(wrong == 0, "every call ends exactly once (%d of %d did not)", wrong, nasks);
}

bool wait_ready(int64_t us)
{
	const int64_t end = monotonic_us() + us;

	while (!db_state(db).ready && monotonic_us() < end)
		poller_turn(poller, end);
	return db_state(db).ready;
}

void open_db(const char *where, int write_lanes, int queue_limit)
{
	db = db_open(poller, &(struct db_options){.conninfo = where,
						  .table = ask_table,
						  .ntable = ask_ntable,
						  .slow_lanes = 1,
						  .write_lanes = write_lanes,
						  .queue_limit = queue_limit});
	ok(db, "the engine opens");
}

int64_t admin_number(const char *sql)
{
	PGresult *res = PQexec(admin, sql);
	const int64_t n = PQntuples(res) == 1 ? strtoll(PQgetvalue(res, 0, 0), NULL, 10) : -1;

	if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		printf("# %s", PQerrorMessage(admin));
	PQclear(res);
	return n;
}

int64_t kill_lanes(void)
{
	return admin_number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
			    " WHERE datname = current_database() AND application_name = 't_db'");
}

void is_code(const struct ask *a, enum problem_code code, const char *what)
{
	if (!ok(a->problem.code == code, "%s: %s", what, problem_kinds[code].type))
		printf("#  got: %s, %s\n", problem_kinds[a->problem.code].type,
		       a->problem.detail ? a->problem.detail : "");
}

bool ask_start(const struct statement *table, int ntable, const char *clean_up, const char *set_up)
{
	conninfo = getenv("HALLMARK_TEST_DATABASE");
	if (!conninfo) {
		puts("1..0 # SKIP HALLMARK_TEST_DATABASE is not set");
		return false;
	}
	log_threshold = getenv("T_DB_LOG") ? LOG_DEBUG : LOG_ERROR;
	ask_table = table;
	ask_ntable = ntable;
	admin = PQconnectdb(conninfo);
	PQclear(PQexec(admin, clean_up));
	PQclear(PQexec(admin, set_up));
	if (!ok(PQstatus(admin) == CONNECTION_OK, "the database can be used"))
		printf("# %s", PQerrorMessage(admin));
	poller = poller_new();
	arena = arena_new(64 << 20);
	return true;
}

int ask_stop(const char *clean_up)
{
	PQclear(PQexec(admin, clean_up));
	arena_free(arena);
	poller_free(poller);
	PQfinish(admin);
	return tap_done();
}
