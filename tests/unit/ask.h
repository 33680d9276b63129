/* ask.h - statements asked of the engine of sql/db.h, and how each ended.
 *
 * ask_begin() names what is tried and forgets what was asked before; the places of
 * asks stay the same, so a call may outlive its test only until then.
 */
#ifndef HALLMARK_TESTS_UNIT_ASK_H
#define HALLMARK_TESTS_UNIT_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/poller.h"
#include "sql/args.h"
#include "sql/db.h"

enum { SECOND = 1000000, ASKS = 1200 };

#define ROW(id, lane, sql, types)                                                                  \
	[id] = {#id, sql, lane, sizeof(types) / sizeof((types)[0]), types, id}

struct ask {
	struct db_call call;
	struct args args;
	int ended;  /* how often done() was called */
	int place;  /* among all that ended */
	int64_t at; /* when, from the submission on */
	struct problem problem;
	int64_t value;
	char word[64];
};

extern const struct statement *ask_table; /* whose places are the ids below */
extern int ask_ntable;
extern const char *conninfo; /* HALLMARK_TEST_DATABASE */
extern struct poller *poller;
extern struct db *db;
extern PGconn *admin; /* a session beside the engine's */
extern struct ask asks[ASKS];
extern int nasks, nended;

/* False: there is no database to test with, and TAP says so. */
bool ask_start(const struct statement *table, int ntable, const char *clean_up, const char *set_up);
int ask_stop(const char *clean_up); /* what main() returns */

void open_db(const char *where, int write_lanes, int queue_limit);
bool wait_ready(int64_t us);

void begin(const char *what);
struct ask *new_ask(const struct statement *s);
struct ask *submit(struct ask *a);
struct ask *ask(int id, int64_t v);
struct ask *ask_nap(int id, double seconds, int64_t v, uint64_t key);
struct ask *ask_text(int id, const char *word);
void turn_for(int64_t us);
bool finish(void); /* until every ask has ended, 12 seconds at most */

int64_t admin_number(const char *sql);
int64_t kill_lanes(void); /* of the application t_db; returns how many */
void is_code(const struct ask *a, enum problem_code code, const char *what);

#endif
