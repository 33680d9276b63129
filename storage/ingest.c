#include "storage/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum {
	DETAIL_ROOM = 64 * 1024, /* for a problem's detail; nothing is taken before */
	SPLIT_FROM = 64 * 1024,  /* bytes of a piece; below, more threads cost more */
	PARTS = 3,
	READ_ROOM = 256 * 1024,
	DROP_EVERY = 8 * 1024 * 1024,
};

struct ingest_job {
	struct job job;
	struct ingest *ingest;
};

/* running counts the jobs of the call in flight; only the loop touches it. */
struct ingest {
	struct ingest_plan plan;
	unsigned char announced[SHA256_BYTES]; /* where plan.sha256 points */
	struct arena *arena;
	struct hasher hasher;
	struct store_put *put;
	const void *data;
	size_t len;
	struct ingest_job jobs[PARTS];
	int running;
	bool ended;
	struct problem problem;
	struct ingest_result result;
};

static struct ingest *ingest_of(struct job *job)
{
	return ((struct ingest_job *)job)->ingest;
}

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
	ingest_free(ingest_of(job));
}

/* Unlinking a large file takes its time, so it is a job too. */
static void bury(struct ingest *u)
{
	if (!u->put) {
		ingest_free(u);
		return;
	}
	u->jobs[0] = (struct ingest_job){.job = {.work = free_work}, .ingest = u};
	jobs_submit(u->plan.jobs, NULL, &u->jobs[0].job);
}

static void part_done(struct job *job)
{
	struct ingest *u = ingest_of(job);

	if (--u->running)
		return;
	const bool ended = u->ended; /* after done() only this still knows */
	u->plan.done(u->plan.who, u->problem);
	if (ended)
		bury(u);
}

static void submit(struct ingest *u, int part, void (*work)(struct job *job))
{
	struct ingest_job *j = &u->jobs[part];

	*j = (struct ingest_job){.job = {.work = work, .done = part_done}, .ingest = u};
	u->running++;
	jobs_submit(u->plan.jobs, u->plan.home, &j->job);
}

/* An answer that needs no work still comes from the loop, never from within the call. */
static void answer(struct ingest *u)
{
	u->jobs[0] = (struct ingest_job){.job = {.done = part_done}, .ingest = u};
	u->running++;
	mailbox_post(u->plan.home, &u->jobs[0].job);
}

struct ingest *ingest_begin(const struct ingest_plan *plan)
{
	struct ingest *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->plan = *plan;
	u->arena = arena_new(DETAIL_ROOM);
	if (!u->arena || !hasher_begin(&u->hasher)) {
		ingest_free(u);
		return NULL;
	}
	if (plan->sha256)
		u->plan.sha256 = memcpy(u->announced, plan->sha256, SHA256_BYTES);
	return u;
}

static struct problem put_open(struct ingest *u)
{
	const struct store_ops *ops = u->plan.store->ops;

	return u->put ? NO_PROBLEM
		      : ops->put_begin(u->plan.store, u->arena, u->plan.length, &u->put);
}

static struct problem write_piece(struct ingest *u)
{
	TRY(put_open(u));
	return u->plan.store->ops->put_write(u->put, u->arena, u->data, u->len);
}

/* A piece's three parts. Only writing may fail, so only it sets problem and uses the
 * arena. Writing has a thread of its own because it waits for the medium while
 * the two digests need the processor. */
static void write_work(struct job *job)
{
	struct ingest *u = ingest_of(job);

	u->problem = write_piece(u);
}

static void sha256_work(struct job *job)
{
	struct ingest *u = ingest_of(job);

	hasher_sha256(&u->hasher, u->data, u->len);
}

static void blake2b_work(struct job *job)
{
	struct ingest *u = ingest_of(job);

	hasher_blake2b(&u->hasher, u->data, u->len);
}

static void (*const parts[PARTS])(struct job *job) = {blake2b_work, write_work, sha256_work};

static void whole_work(struct job *job)
{
	for (int i = 0; i < PARTS; i++)
		parts[i](job);
}

static bool too_much(const struct ingest *u, size_t len)
{
	return u->plan.length >= 0 && (uint64_t)len > (uint64_t)(u->plan.length - u->result.size);
}

void ingest_piece(struct ingest *u, const void *data, size_t len)
{
	if (u->problem.code == PROBLEM_NONE && too_much(u, len))
		u->problem = problem(u->arena, PROBLEM_DIGEST_MISMATCH,
				     "the body is longer than the %lld bytes announced",
				     (long long)u->plan.length);
	if (u->problem.code != PROBLEM_NONE) {
		answer(u);
		return;
	}
	u->data = data;
	u->len = len;
	u->result.size += (int64_t)len;
	if (len < SPLIT_FROM)
		submit(u, 0, whole_work);
	for (int i = 0; len >= SPLIT_FROM && i < PARTS; i++)
		submit(u, i, parts[i]);
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
	struct ingest *u = ingest_of(job);

	u->problem = finish(u);
}

void ingest_finish(struct ingest *u)
{
	if (u->problem.code != PROBLEM_NONE)
		answer(u);
	else
		submit(u, 0, finish_work);
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
	if (!u->running)
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
	struct arena *a = arena_new(DETAIL_ROOM);

	/* What cannot be removed has been logged and is an orphan for the next search. */
	if (a)
		(void)!d->store->ops->remove(d->store, a, d->key).code;
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
