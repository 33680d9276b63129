#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "faults.h"
#include "own_folder.h"
#include "storage/gather.h"
#include "tap.h"

#define KIB ((size_t)1024)

enum { SOURCE = 3 * 1024 * 1024, WHOLE = -1 };

static struct arena *arena;
static struct store *store;
static struct jobs *jobs;
static struct poller *poller;
static struct mailbox *mailbox;
static char root[OWN_FOLDER];
static unsigned char *source;
static size_t most_held;

/* A loop: offers len bytes in pieces, each from memory that is spoilt as soon as the
 * call is back, and stops after stop bytes when that is not WHOLE. */
struct sender {
	struct gather *gather;
	size_t len, piece, sent;
	long stop;
	int waits, answers;
	bool cut, over; /* cut: stopped early, there is no result */
	struct problem problem;
	struct ingest_result result;
};

static void end(struct sender *s)
{
	s->over = true;
	if (!s->cut && s->problem.code == PROBLEM_NONE)
		s->result = *gather_result(s->gather);
	if (s->problem.code != PROBLEM_NONE)
		s->problem.detail = arena_dup(arena, s->problem.detail, strlen(s->problem.detail));
	gather_end(s->gather);
}

/* True when the piece went in whole. */
static bool offer(struct sender *s, size_t len)
{
	char *piece = malloc(len);
	size_t taken;

	memcpy(piece, source + s->sent, len);
	s->problem = gather_take(s->gather, piece, len, &taken);
	most_held = gather_held() > most_held ? gather_held() : most_held;
	memset(piece, 0xff, len);
	free(piece);
	s->sent += taken;
	return taken == len;
}

static void go_on(struct sender *s)
{
	while (s->sent < s->len && s->problem.code == PROBLEM_NONE) {
		size_t left = s->len - s->sent;

		if (s->stop != WHOLE && s->sent >= (size_t)s->stop) {
			s->cut = true;
			break;
		}
		if (!offer(s, left < s->piece ? left : s->piece)) {
			s->waits++;
			return;
		}
	}
	if (s->cut || s->problem.code != PROBLEM_NONE) {
		end(s);
		return;
	}
	s->waits++;
	gather_finish(s->gather);
}

static void answered(void *who, struct problem p)
{
	struct sender *s = who;

	s->answers++;
	s->problem = p;
	if (s->sent == s->len || p.code != PROBLEM_NONE) {
		end(s);
		return;
	}
	go_on(s);
}

static void begin(struct sender *s, int64_t announced)
{
	const struct ingest_plan plan = {.store = store,
					 .jobs = jobs,
					 .home = mailbox,
					 .length = announced,
					 .done = answered,
					 .who = s};

	s->gather = gather_begin(&plan);
}

static void start(struct sender *s, int64_t announced)
{
	begin(s, announced);
	go_on(s);
}

static bool all_over(const struct sender *s, int n)
{
	const int64_t limit = monotonic_us() + 60000000;
	int over = 0;

	while (over < n && monotonic_us() < limit) {
		over = 0;
		for (int i = 0; i < n; i++)
			over += s[i].over;
		if (over < n)
			poller_turn(poller, limit);
	}
	return over == n;
}

/* Removing is a job that nobody waits for, so it is given some time. */
static int files_left(void)
{
	const int64_t limit = monotonic_us() + 10000000;
	int files;

	do {
		poller_turn(poller, monotonic_us() + 1000);
		files = own_folder_files(root);
	} while (files && monotonic_us() < limit);
	return files;
}

static void what_goes_in_is_stored_whole(void)
{
	static const struct {
		size_t len, piece;
		int64_t announced;
	} cases[] = {
		{0, 1, 0},
		{0, 1, -1},
		{1, 1, 1},
		{1000, 7, 1000},
		{1000, 7, -1},
		{100 * KIB, 16 * KIB, 102400},
		{256 * KIB, 16 * KIB, -1},
		{256 * KIB + 1, 16 * KIB, -1},
		{512 * KIB, 512 * KIB, 524288},
		{3 * KIB * KIB, 16 * KIB, 3145728},
		{3 * KIB * KIB, 16 * KIB - 1, -1},
		{3 * KIB * KIB, 3 * KIB * KIB, -1},
		{300 * KIB, KIB * KIB, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sender s = {.len = cases[i].len, .piece = cases[i].piece, .stop = WHOLE};
		unsigned char sha256[SHA256_BYTES];

		sha256_of(source, s.len, sha256);
		start(&s, cases[i].announced);
		ok(all_over(&s, 1), "%zu bytes in pieces of %zu end", s.len, s.piece);
		is_int(s.problem.code, PROBLEM_NONE, "without a problem");
		is_int(s.answers, s.waits, "each wait had one answer");
		ok(s.result.size == (int64_t)s.len &&
			   memcmp(s.result.digests.sha256, sha256, sizeof(sha256)) == 0,
		   "and are the bytes that went in");
		is_int(store->ops->remove(store, arena, s.result.key).code, PROBLEM_NONE,
		       "under their key");
	}
	is_int(files_left(), 0, "nothing else is left");
}

static void full_buffers_hold_the_sender_back(void)
{
	/* The first is the smallest; the next are as large as they were filled fast. */
	const size_t least = (size_t)4 * 8 * KIB, most = (size_t)(8 + 32 + 128 + 512) * KIB;
	struct sender s = {.len = SOURCE, .piece = SOURCE, .stop = WHOLE};

	start(&s, -1);
	ok(s.sent >= least && s.sent <= most && s.waits == 1,
	   "four buffers are taken, %zu bytes, then it waits", s.sent);
	ok(all_over(&s, 1) && s.problem.code == PROBLEM_NONE, "and goes on");
	is_int(store->ops->remove(store, arena, s.result.key).code, PROBLEM_NONE, "it is stored");
	is_int(files_left(), 0, "nothing else is left");
}

enum { SENDERS = 40 };

static void an_upload_may_end_at_any_moment(void)
{
	static struct sender s[SENDERS];

	for (int i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){.len = SOURCE, .piece = 16 * KIB, .stop = i * 30000L};
		start(&s[i], -1);
	}
	ok(all_over(s, SENDERS), "forty uploads end somewhere");
	ok(most_held > 1024 * KIB && most_held <= GATHER_BUDGET,
	   "together they held %zu KiB, within the budget", most_held / KIB);
	is_int(files_left(), 0, "none left anything");
}

static void sleep_ms(long ms)
{
	const int64_t until = monotonic_us() + ms * 1000;

	while (monotonic_us() < until)
		poller_turn(poller, until);
}

/* Two buffers: one is being filled, one is on its way. */
static void a_slow_upload_holds_little(void)
{
	struct sender s = {.len = SOURCE, .stop = WHOLE};

	begin(&s, -1);
	for (int i = 0; i < 8; i++) {
		offer(&s, 4 * KIB);
		offer(&s, 4 * KIB);
		sleep_ms(210);
	}
	is_int((long)s.sent, 64 * KIB, "it was taken");
	ok(gather_held() > 0 && gather_held() <= 16 * KIB,
	   "after eight slow pieces it holds %zu bytes", gather_held());
	gather_end(s.gather);
	is_int(files_left(), 0, "nothing is left");
	is_int((long)gather_held(), 0, "and no memory");
}

static void a_failing_medium_is_told(void)
{
	static const struct {
		enum fault_call call;
		int nth, error;
		enum problem_code code;
	} cases[] = {
		{FAULT_WRITE, 1, ENOSPC, PROBLEM_NO_SPACE},
		{FAULT_WRITE, 5, EIO, PROBLEM_INTERNAL},
		{FAULT_FSYNC, 1, EIO, PROBLEM_INTERNAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sender s = {.len = SOURCE, .piece = 16 * KIB, .stop = WHOLE};

		fault_arm(cases[i].call, cases[i].nth, cases[i].error);
		start(&s, -1);
		ok(all_over(&s, 1), "%s ends the upload", strerror(cases[i].error));
		is_int(fault_disarm(cases[i].call), 0, "it struck");
		is_int(s.problem.code, cases[i].code, "the sender hears of it");
		is_int(files_left(), 0, "nothing is left");
	}
}

static void more_than_announced_is_refused(void)
{
	struct sender s = {.len = 1000, .piece = 100, .stop = WHOLE};

	start(&s, 999);
	ok(all_over(&s, 1), "it ends");
	is_int(s.problem.code, PROBLEM_DIGEST_MISMATCH, "it is refused");
	is_int(files_left(), 0, "nothing is left");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!own_folder_make(root, "t_gather"))
		return 1;
	if (!freopen("/dev/null", "w", stderr)) /* the faults are logged, as they should be */
		return 1;
	arena = arena_new(16 * KIB * KIB);
	source = sample_bytes(SOURCE);
	is_int(store_open(arena, &(struct store_options){.location = root}, &store).code,
	       PROBLEM_NONE, "opened");
	poller = poller_new();
	mailbox = mailbox_new(poller);
	jobs = jobs_new(4);

	what_goes_in_is_stored_whole();
	full_buffers_hold_the_sender_back();
	an_upload_may_end_at_any_moment();
	a_slow_upload_holds_little();
	a_failing_medium_is_told();
	more_than_announced_is_refused();

	jobs_free(jobs);
	mailbox_free(mailbox);
	poller_free(poller);
	store->ops->close(store);
	own_folder_remove(root);
	free(source);
	arena_free(arena);
	return tap_done();
}
