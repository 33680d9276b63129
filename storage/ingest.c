#include "storage/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/text.h"

enum {
	DETAIL = 1024,           /* bytes for what a problem mostly says, kept ready … */
	DETAIL_ROOM = 64 * 1024, /* … and for any */
	SPLIT_FROM = 64 * 1024,  /* bytes of a piece; below, more threads cost more */
	READ_ROOM = 256 * 1024,
	DROP_EVERY = 8 * 1024 * 1024,
};

struct piece {
	const void *data;
	size_t len;
};

/* One of the three things that are done to every piece. Its job works on the pieces
 * from next to end; the loop moves these numbers, and only while no job runs. */
struct stream {
	struct job job;
	struct ingest *ingest;
	void (*feed)(struct ingest *u, const struct piece *piece);
	unsigned next, end;
	bool busy;
};

enum { BLAKE2B, WRITE, SHA256, STREAMS };

struct ingest {
	struct ingest_plan plan;
	unsigned char announced[SHA256_BYTES]; /* where plan.sha256 points */
	struct arena *arena;                   /* of the one who writes, while one does */
	struct hasher hasher;
	struct store_put *put;
	struct problem failed; /* while writing: told to the loop when its job is over */
	struct stream streams[STREAMS];
	struct piece pieces[INGEST_DEPTH]; /* piece number n lies at n % INGEST_DEPTH */
	unsigned taken, answered;          /* how many of them */
	struct job nudge;                  /* brings an answer that needs no work */
	bool nudged, answering;
	bool excess; /* more came than was announced */
	bool finishing, finished, ended;
	struct problem problem;
	struct ingest_result result;
};

static void ingest_free(struct ingest *u)
{
	if (u->put)
		u->plan.store->ops->put_abort(u->put);
	hasher_close(&u->hasher);
	arena_free(u->arena);
	free(u);
}

static void free_work(struct job *job)
{
	ingest_free(((struct stream *)job)->ingest);
}

/* Unlinking a large file takes its time, so it is a job too. */
static void bury(struct ingest *u)
{
	if (!u->put) {
		ingest_free(u);
		return;
	}
	u->streams[WRITE].job = (struct job){.work = free_work};
	jobs_submit(u->plan.jobs, NULL, &u->streams[WRITE].job);
}

/* ---- the three streams ------------------------------------------------------------ */

static struct problem put_open(struct ingest *u)
{
	const struct store_ops *ops = u->plan.store->ops;

	return u->put ? NO_PROBLEM
		      : ops->put_begin(u->plan.store, u->arena, u->plan.length, &u->put);
}

static struct problem write_piece(struct ingest *u, const struct piece *piece)
{
	TRY(put_open(u));
	return u->plan.store->ops->put_write(u->put, u->arena, piece->data, piece->len);
}

/* Writing has a thread of its own because it waits for the medium while the two digests need
 * the processor. Only writing may fail. */
static void feed_store(struct ingest *u, const struct piece *piece)
{
	if (u->failed.code == PROBLEM_NONE)
		u->failed = write_piece(u, piece);
}

static void feed_sha256(struct ingest *u, const struct piece *piece)
{
	hasher_sha256(&u->hasher, piece->data, piece->len);
}

static void feed_blake2b(struct ingest *u, const struct piece *piece)
{
	hasher_blake2b(&u->hasher, piece->data, piece->len);
}

static void stream_run(struct stream *s)
{
	for (unsigned n = s->next; n != s->end; n++)
		s->feed(s->ingest, &s->ingest->pieces[n % INGEST_DEPTH]);
}

static void stream_work(struct job *job)
{
	stream_run((struct stream *)job);
}

static void whole_work(struct job *job)
{
	struct ingest *u = ((struct stream *)job)->ingest;

	for (int i = 0; i < STREAMS; i++)
		stream_run(&u->streams[i]);
}

/* ---- the loop --------------------------------------------------------------------- */

static bool busy(const struct ingest *u)
{
	return u->streams[BLAKE2B].busy || u->streams[WRITE].busy || u->streams[SHA256].busy;
}

/* No further work is begun. */
static bool stopped(const struct ingest *u)
{
	return u->ended || u->excess || u->problem.code != PROBLEM_NONE;
}

static bool through_all(const struct ingest *u, unsigned piece)
{
	for (int i = 0; i < STREAMS; i++)
		if (u->streams[i].next == piece)
			return false;
	return true;
}

static bool answer_is_due(const struct ingest *u)
{
	if (stopped(u))
		return !busy(u) && (u->answered != u->taken || u->finishing);
	if (u->answered != u->taken)
		return through_all(u, u->answered);
	return u->finished && u->finishing;
}

static void go_on(struct ingest *u);

/* Pieces are answered in their order, the finish comes last. */
static void answer(struct ingest *u)
{
	u->answering = true;
	while (answer_is_due(u)) {
		if (u->excess && u->problem.code == PROBLEM_NONE)
			u->problem = problem(u->arena, PROBLEM_DIGEST_MISMATCH,
					     "the body is longer than the %lld bytes announced",
					     (long long)u->plan.length);
		if (u->answered != u->taken)
			u->answered++;
		else
			u->finishing = false;
		u->plan.done(u->plan.who, u->problem);
	}
	u->answering = false;
	if (!u->ended)
		go_on(u);
	else if (!busy(u))
		bury(u);
}

static void nudge_done(struct job *job)
{
	struct ingest *u = OWNER_OF(job, struct ingest, nudge);

	u->nudged = false;
	answer(u);
}

static void over(struct ingest *u, struct stream *s)
{
	s->busy = false;
	s->next = s->end;
	if (s == &u->streams[WRITE] && u->problem.code == PROBLEM_NONE)
		u->problem = u->failed;
}

static void stream_done(struct job *job)
{
	struct stream *s = (struct stream *)job;

	over(s->ingest, s);
	answer(s->ingest);
}

static void whole_done(struct job *job)
{
	struct ingest *u = ((struct stream *)job)->ingest;

	for (int i = 0; i < STREAMS; i++)
		over(u, &u->streams[i]);
	answer(u);
}

static void submit(struct stream *s, void (*work)(struct job *job), void (*done)(struct job *job))
{
	s->job = (struct job){.work = work, .done = done};
	s->busy = true;
	jobs_submit(s->ingest->plan.jobs, s->ingest->plan.home, &s->job);
}

/* A small piece that comes alone is one job for all. */
static bool begin_whole(struct ingest *u)
{
	if (busy(u) || u->taken - u->answered != 1 ||
	    u->pieces[u->answered % INGEST_DEPTH].len >= SPLIT_FROM)
		return false;
	for (int i = 0; i < STREAMS; i++) {
		u->streams[i].end = u->taken;
		u->streams[i].busy = true;
	}
	submit(&u->streams[BLAKE2B], whole_work, whole_done);
	return true;
}

static void begin_streams(struct ingest *u)
{
	for (int i = 0; i < STREAMS; i++) {
		struct stream *s = &u->streams[i];

		if (s->busy || s->next == u->taken)
			continue;
		s->end = u->taken;
		submit(s, stream_work, stream_done);
	}
}

/* ---- the upload ------------------------------------------------------------------- */

struct ingest *ingest_begin(const struct ingest_plan *plan)
{
	struct ingest *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->plan = *plan;
	u->streams[BLAKE2B] = (struct stream){.ingest = u, .feed = feed_blake2b};
	u->streams[WRITE] = (struct stream){.ingest = u, .feed = feed_store};
	u->streams[SHA256] = (struct stream){.ingest = u, .feed = feed_sha256};
	u->arena = arena_new_warm(DETAIL_ROOM, DETAIL);
	if (!u->arena || !hasher_begin(&u->hasher)) {
		ingest_free(u);
		return NULL;
	}
	if (plan->sha256)
		u->plan.sha256 = memcpy(u->announced, plan->sha256, SHA256_BYTES);
	return u;
}

static struct problem agrees(struct ingest *u)
{
	const struct ingest_result *r = &u->result;

	if (u->plan.length >= 0 && r->size != u->plan.length)
		return problem(u->arena, PROBLEM_DIGEST_MISMATCH,
			       "the body ended after %lld of the %lld bytes announced",
			       (long long)r->size, (long long)u->plan.length);
	if (u->plan.sha256 && memcmp(u->plan.sha256, r->digests.sha256, SHA256_BYTES) != 0) {
		char want[SHA256_TEXT], got[SHA256_TEXT];

		hex_text(want, u->plan.sha256, SHA256_BYTES);
		hex_text(got, r->digests.sha256, SHA256_BYTES);
		return problem(u->arena, PROBLEM_DIGEST_MISMATCH,
			       "the bytes received have the SHA-256 %s; announced was %s", got,
			       want);
	}
	return NO_PROBLEM;
}

static struct problem finish(struct ingest *u)
{
	const struct store_ops *ops = u->plan.store->ops;

	hasher_end(&u->hasher, &u->result.digests);
	TRY(agrees(u));
	TRY(put_open(u)); /* a body of no bytes has had no piece */
	struct store_put *put = u->put;
	u->put = NULL; /* gone after this, either way */
	return ops->put_finish(put, u->arena, u->result.digests.sha256, u->result.key);
}

static void finish_work(struct job *job)
{
	struct ingest *u = ((struct stream *)job)->ingest;

	u->failed = finish(u);
}

static void finish_done(struct job *job)
{
	struct ingest *u = ((struct stream *)job)->ingest;

	u->finished = true;
	over(u, &u->streams[WRITE]);
	if (u->ended && u->problem.code == PROBLEM_NONE) /* nobody will learn the key */
		ingest_discard(u->plan.store, u->plan.jobs, u->result.key);
	answer(u);
}

/* After a stop there is only the answer to bring, from the loop and never from within a call. */
static void go_on(struct ingest *u)
{
	if (u->answering)
		return;
	if (stopped(u)) {
		if (u->nudged || !answer_is_due(u))
			return;
		u->nudged = true;
		u->nudge = (struct job){.done = nudge_done};
		mailbox_post(u->plan.home, &u->nudge);
	} else if (u->answered != u->taken) {
		if (!begin_whole(u))
			begin_streams(u);
	} else if (u->finishing && !busy(u)) {
		submit(&u->streams[WRITE], finish_work, finish_done);
	}
}

void ingest_piece(struct ingest *u, const void *data, size_t len)
{
	const int64_t announced = u->plan.length;

	u->pieces[u->taken++ % INGEST_DEPTH] = (struct piece){data, len};
	if (announced >= 0 && (uint64_t)len > (uint64_t)(announced - u->result.size))
		u->excess = true;
	if (!stopped(u))
		u->result.size += (int64_t)len;
	go_on(u);
}

void ingest_finish(struct ingest *u)
{
	u->finishing = true;
	go_on(u);
}

const struct ingest_result *ingest_result(const struct ingest *u)
{
	return &u->result;
}

void ingest_end(struct ingest *u)
{
	if (!u)
		return;
	u->ended = true;
	if (!u->answering && !u->nudged && !busy(u))
		bury(u);
}

/* ---- afterwards ------------------------------------------------------------------- */

struct discard {
	struct job job;
	struct store *store;
	char key[STORAGE_KEY];
};

static void discard_work(struct job *job)
{
	struct discard *d = (struct discard *)job;
	struct arena *a = arena_new_warm(DETAIL_ROOM, DETAIL);

	/* What cannot be removed has been logged and is an orphan for the next search. */
	if (a)
		(void)!d->store->ops->remove(d->store, a, d->key).code;
	FAILPOINT(UPLOAD_REMOVED);
	arena_free(a);
	free(d);
}

void ingest_discard(struct store *s, struct jobs *j, const char *key)
{
	struct discard *d = calloc(1, sizeof(*d));

	if (!d)
		return;
	d->job.work = discard_work;
	d->store = s;
	memcpy(d->key, key, strnlen(key, STORAGE_KEY - 1));
	jobs_submit(j, NULL, &d->job);
}

static struct problem unreadable(struct arena *a, const char *key, int error)
{
	if (error == ENOMEM)
		return problem(a, PROBLEM_BUSY, "there is not enough memory at the moment");
	log_line(LOG_ERROR, "storage_failed", LOG_TEXT("what", "read"), LOG_TEXT("key", key),
		 LOG_TEXT("why", strerror(error)));
	return problem(a, PROBLEM_INTERNAL, "the stored bytes cannot be read: %s", strerror(error));
}

static int hash_file(int fd, enum ingest_source source, struct hasher *h, void *buffer,
		     int64_t *size)
{
	int64_t kept = 0; /* pages before this have been dropped */

	*size = 0;
	for (;;) {
		ssize_t n = read(fd, buffer, READ_ROOM);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : 0;
		hasher_feed(h, buffer, (size_t)n);
		*size += n;
		if (source == INGEST_FROM_MEDIUM && *size - kept >= DROP_EVERY) {
			posix_fadvise(fd, kept, *size - kept, POSIX_FADV_DONTNEED);
			kept = *size;
		}
	}
}

static struct problem reread_open(int fd, struct arena *a, const char *key,
				  enum ingest_source source, struct ingest_result *out)
{
	struct hasher h = {0};
	void *buffer = malloc(READ_ROOM);
	int error = buffer && hasher_begin(&h) ? 0 : ENOMEM;

	if (source == INGEST_FROM_MEDIUM)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (!error)
		error = hash_file(fd, source, &h, buffer, &out->size);
	if (!error)
		hasher_end(&h, &out->digests);
	if (source == INGEST_FROM_MEDIUM)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	hasher_close(&h);
	free(buffer);
	return error ? unreadable(a, key, error) : NO_PROBLEM;
}

struct problem ingest_reread(struct store *s, struct arena *a, const char *key,
			     enum ingest_source source, struct ingest_result *out)
{
	int64_t size;
	int fd = -1;

	TRY(s->ops->open(s, a, key, &fd, &size));
	*out = (struct ingest_result){0};
	memcpy(out->key, key, strnlen(key, STORAGE_KEY - 1));
	struct problem p = reread_open(fd, a, key, source, out);
	close(fd);
	return p;
}
