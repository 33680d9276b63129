#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "faults.h"
#include "own_folder.h"
#include "storage/ingest.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

enum { SOURCE = 4 * 1024 * 1024 };

static struct arena *arena;
static struct store *store;
static struct jobs *jobs;
static struct poller *poller;
static struct mailbox *mailbox;
static char root[OWN_FOLDER];
static unsigned char *source;

/* A client: sends len bytes of the source in pieces. Each piece lies in memory of
 * its own that is freed as soon as done() says so. */
struct client {
	struct ingest *ingest;
	size_t len, piece, sent;
	void *held;
	int calls, answers;
	int end_before; /* ingest_end() instead of this call, -1: never */
	int end_during; /* ingest_end() while this call is in flight, -1: never */
	bool finishing, over;
	struct problem problem;
	struct ingest_result result;
};

static void next(struct client *c);

static void end(struct client *c)
{
	struct ingest *u = c->ingest;

	c->ingest = NULL;
	ingest_end(u);
}

static void answered(void *who, struct problem p)
{
	struct client *c = who;

	c->answers++;
	free(c->held);
	c->held = NULL;
	c->problem = p;
	if (p.code != PROBLEM_NONE) /* its detail ends with the upload */
		c->problem.detail = arena_dup(arena, p.detail, strlen(p.detail));
	if (!c->ingest || p.code != PROBLEM_NONE || c->finishing) {
		if (c->ingest && p.code == PROBLEM_NONE)
			c->result = *ingest_result(c->ingest);
		c->over = true;
		end(c);
		return;
	}
	next(c);
}

static void send_piece(struct client *c, size_t len)
{
	c->held = malloc(len);
	memcpy(c->held, source + c->sent, len);
	c->sent += len;
	ingest_piece(c->ingest, c->held, len);
}

static void next(struct client *c)
{
	const size_t left = c->len - c->sent;

	if (c->calls == c->end_before) {
		c->over = true;
		end(c);
		return;
	}
	c->finishing = left == 0;
	if (left)
		send_piece(c, left < c->piece ? left : c->piece);
	else
		ingest_finish(c->ingest);
	if (c->calls++ == c->end_during)
		end(c);
}

static void start(struct client *c, int64_t announced, const unsigned char *sha256)
{
	const struct ingest_plan plan = {.store = store,
					 .jobs = jobs,
					 .home = mailbox,
					 .length = announced,
					 .sha256 = sha256,
					 .done = answered,
					 .who = c};

	c->ingest = ingest_begin(&plan);
	next(c);
}

static bool finish_all(const struct client *clients, int n)
{
	const int64_t limit = monotonic_us() + 60000000;
	int over = 0;

	while (over < n && monotonic_us() < limit) {
		over = 0;
		for (int i = 0; i < n; i++)
			over += clients[i].over;
		if (over < n)
			poller_turn(poller, limit);
	}
	return over == n;
}

static struct client client_of(size_t len, size_t piece)
{
	return (struct client){.len = len, .piece = piece, .end_before = -1, .end_during = -1};
}

static struct client upload(size_t len, size_t piece, int64_t announced,
			    const unsigned char *sha256)
{
	struct client c = client_of(len, piece);

	start(&c, announced, sha256);
	ok(finish_all(&c, 1), "%zu bytes in pieces of %zu end", len, piece);
	return c;
}

static bool is_of_source(const struct ingest_result *r, size_t len)
{
	struct digests want = {0};

	sha256_of(source, len, want.sha256);
	blake2b_of(source, len, want.blake2b);
	return r->size == (int64_t)len && memcmp(&want, &r->digests, sizeof(want)) == 0;
}

static void discard(const char *key)
{
	struct problem p = store->ops->remove(store, arena, key);

	if (p.code != PROBLEM_NONE)
		ok(false, "%s", p.detail);
}

/* Removing is a job that nobody waits for, so it is given some time. */
static int files_left(void)
{
	const int64_t limit = monotonic_us() + 10000000;
	int files;

	while ((files = own_folder_files(root)) && monotonic_us() < limit)
		usleep(1000);
	return files;
}

static void both_digests_are_of_what_was_stored(void)
{
	static const struct {
		size_t len, piece;
	} cases[] = {
		{0, 1},
		{1, 1},
		{1000, 7},
		{65535, 65535},
		{65536, 65536},
		{65537, 65536},
		{MIB + 13, 99991},
		{4 * MIB, 512 * KIB},
		{4 * MIB, MIB},
		{3 * MIB, 8191},
		{300 * KIB, 4 * MIB},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = upload(cases[i].len, cases[i].piece, -1, NULL);
		struct ingest_result again;

		is_int(c.problem.code, PROBLEM_NONE, "without a problem");
		ok(is_of_source(&c.result, cases[i].len), "with the right digests and size");
		is_int(ingest_reread(store, arena, c.result.key,
				     i % 2 ? INGEST_FROM_CACHE : INGEST_FROM_MEDIUM, &again)
			       .code,
		       PROBLEM_NONE, "they can be read again");
		ok(is_of_source(&again, cases[i].len) && strcmp(again.key, c.result.key) == 0,
		   "and are the same");
		discard(c.result.key);
	}
	is_int(files_left(), 0, "nothing is left over");
}

static void what_was_announced_is_held_against_what_came(void)
{
	unsigned char right[SHA256_BYTES], wrong[SHA256_BYTES];
	static const struct {
		int64_t announced;
		bool right;
		const char *why; /* NULL: accepted */
	} cases[] = {
		{100000, true, NULL},
		{-1, true, NULL},
		{100000, false, "have the SHA-256"},
		{100001, true, "ended after 100000 of the 100001 bytes"},
		{99999, true, "longer than the 99999 bytes"},
		{0, true, "longer than the 0 bytes"},
		{INT64_MAX, true, "full"},
	};

	sha256_of(source, 100000, right);
	memcpy(wrong, right, sizeof(wrong));
	wrong[31] ^= 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c =
			upload(100000, 30000, cases[i].announced, cases[i].right ? right : wrong);

		if (!cases[i].why) {
			is_int(c.problem.code, PROBLEM_NONE, "announced truly");
			discard(c.result.key);
		} else {
			is_int(c.problem.code,
			       cases[i].announced == INT64_MAX ? PROBLEM_NO_SPACE
							       : PROBLEM_DIGEST_MISMATCH,
			       "refused");
			ok(strstr(c.problem.detail, cases[i].why), "%s", c.problem.detail);
		}
		is_int(files_left(), 0, "nothing is left");
	}
}

enum { CLIENTS = 64 };

static void sixty_four_uploads_do_not_mix(void)
{
	static struct client clients[CLIENTS];
	int wrong = 0;

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client_of((size_t)i * 17011, 1 + (size_t)i * 2999);
		start(&clients[i], -1, NULL);
	}
	ok(finish_all(clients, CLIENTS), "64 uploads at the same time");
	for (int i = 0; i < CLIENTS; i++) {
		wrong += clients[i].problem.code != PROBLEM_NONE ||
			 !is_of_source(&clients[i].result, clients[i].len);
		ingest_discard(store, jobs, clients[i].result.key);
	}
	is_int(wrong, 0, "each has its own digests");
	is_int(files_left(), 0, "discarded, they are gone");
}

/* Four pieces and the finish are five calls. */
static void an_upload_may_end_at_any_moment(void)
{
	static struct client clients[10 * 6];
	const int n = sizeof(clients) / sizeof(clients[0]);
	int unanswered = 0, held = 0;

	for (int i = 0; i < n; i++) {
		clients[i] = client_of(400000, i % 2 ? 100000 : 1000);
		if (i % 2 == 0)
			clients[i].len = 4000;
		if (i % 4 < 2)
			clients[i].end_before = i / 4 % 5;
		else
			clients[i].end_during = i / 4 % 5;
		start(&clients[i], -1, NULL);
	}
	ok(finish_all(clients, n), "sixty uploads end somewhere");
	for (int i = 0; i < n; i++) {
		unanswered += clients[i].answers != clients[i].calls;
		held += clients[i].held != NULL;
	}
	is_int(unanswered, 0, "each call had exactly one answer");
	is_int(held, 0, "each piece was given back");
	jobs_free(jobs);
	jobs = jobs_new(4);
	is_int(files_left(), 0, "nothing is left, not even of those that were finishing");
}

static void ended_before_anything_it_holds_nothing(void)
{
	static struct client c;

	c = client_of(10, 10);
	c.end_before = 0;
	start(&c, 10, NULL);
	ok(c.over && c.answers == 0, "no call, no answer");
	ingest_end(NULL);
}

static void a_failing_medium_fails_the_call(void)
{
	static const struct {
		enum fault_call call;
		int nth, error;
		enum problem_code code;
		int calls;
	} cases[] = {
		{FAULT_WRITE, 1, ENOSPC, PROBLEM_NO_SPACE, 1},
		{FAULT_WRITE, 3, EIO, PROBLEM_INTERNAL, 3},
		{FAULT_FSYNC, 1, EIO, PROBLEM_INTERNAL, 5},
		{FAULT_RENAME, 1, EDQUOT, PROBLEM_NO_SPACE, 5},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fault_arm(cases[i].call, cases[i].nth, cases[i].error);
		struct client c = upload(400000, 100000, -1, NULL);
		is_int(fault_disarm(cases[i].call), 0, "%s struck", strerror(cases[i].error));
		is_int(c.problem.code, cases[i].code, "the client hears of it");
		is_int(c.calls, cases[i].calls, "at that call");
		is_int(files_left(), 0, "nothing is left");
	}
}

static int late_answers;
static struct problem late;

static void late_answer(void *who, struct problem p)
{
	(void)who;
	late_answers++;
	late = p;
}

static void after_a_problem_every_call_repeats_it(void)
{
	const struct ingest_plan plan = {
		.store = store, .jobs = jobs, .home = mailbox, .length = 5, .done = late_answer};
	struct ingest *u = ingest_begin(&plan);

	ingest_piece(u, source, 6);
	is_int(late_answers, 0, "the answer never comes from within the call");
	while (late_answers < 1)
		poller_turn(poller, INT64_MAX);
	ingest_piece(u, source, 1);
	while (late_answers < 2)
		poller_turn(poller, INT64_MAX);
	is_int(late.code, PROBLEM_DIGEST_MISMATCH, "a further piece");
	ingest_finish(u);
	while (late_answers < 3)
		poller_turn(poller, INT64_MAX);
	is_int(late.code, PROBLEM_DIGEST_MISMATCH, "the finish");
	ingest_end(u);
	is_int(files_left(), 0, "nothing is left");
}

enum { SLOW = 400 };

static void a_waiting_upload_is_small(void)
{
	static struct ingest *slow[SLOW];
	const struct ingest_plan plan = {
		.store = store, .jobs = jobs, .home = mailbox, .length = -1, .done = late_answer};

	late_answers = 0;
	const size_t before = mallinfo2().uordblks;
	for (int i = 0; i < SLOW; i++) {
		slow[i] = ingest_begin(&plan);
		ingest_piece(slow[i], source, 1000);
	}
	while (late_answers < SLOW)
		poller_turn(poller, INT64_MAX);
	const size_t each = (mallinfo2().uordblks - before) / SLOW;
	printf("# %zu bytes each\n", each);
	if (SANITIZED)
		ok(true,
		   "a waiting upload's memory # SKIP the sanitizer's malloc counts otherwise");
	else
		ok(each > 500 && each < 4096, "a waiting upload takes less than 4 KiB");
	for (int i = 0; i < SLOW; i++)
		ingest_end(slow[i]);
	is_int(files_left(), 0, "nothing is left");
}

static void damage_is_seen_when_reread(void)
{
	struct client c = upload(100000, 100000, -1, NULL);
	const char *path = arena_printf(arena, "%s/blobs/%.2s/%.2s/%s", root, c.result.key,
					c.result.key + 2, c.result.key);
	struct ingest_result again;

	chmod(path, 0600);
	ok(truncate(path, 99999) == 0, "a byte is lost");
	is_int(ingest_reread(store, arena, c.result.key, INGEST_FROM_MEDIUM, &again).code,
	       PROBLEM_NONE, "it can be read");
	ok(again.size == 99999 && !is_of_source(&again, 100000), "but is not the same");
	discard(c.result.key);
	is_int(ingest_reread(store, arena, c.result.key, INGEST_FROM_MEDIUM, &again).code,
	       PROBLEM_NOT_FOUND, "what is gone is not found");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!own_folder_make(root, "t_ingest"))
		return 1;
	if (!freopen("/dev/null", "w", stderr)) /* the faults are logged, as they should be */
		return 1;
	arena = arena_new(64 * MIB);
	source = sample_bytes(SOURCE);
	is_int(store_open(arena, &(struct store_options){.location = root}, &store).code,
	       PROBLEM_NONE, "opened");
	poller = poller_new();
	mailbox = mailbox_new(poller);
	jobs = jobs_new(4);

	both_digests_are_of_what_was_stored();
	what_was_announced_is_held_against_what_came();
	sixty_four_uploads_do_not_mix();
	an_upload_may_end_at_any_moment();
	ended_before_anything_it_holds_nothing();
	a_failing_medium_fails_the_call();
	after_a_problem_every_call_repeats_it();
	a_waiting_upload_is_small();
	damage_is_seen_when_reread();

	jobs_free(jobs);
	mailbox_free(mailbox);
	poller_free(poller);
	store->ops->close(store);
	own_folder_remove(root);
	free(source);
	arena_free(arena);
	return tap_done();
}
