/* b_ingest - how fast one upload goes through storage/ingest.
 *
 *	b_ingest FOLDER FILE [PIECE_KIB [THREADS]]
 *
 * Takes FILE (from the page cache, mapped) piece by piece as a loop would, with as
 * many pieces on their way as ingest takes, and prints the seconds until it is
 * durable, how many of them came after the last piece, the processor time, and the
 * rate. The stored blob is removed again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <sodium.h>

#include "base/timestamp.h"
#include "storage/ingest.h"

struct upload {
	struct ingest *ingest;
	const char *at;
	size_t left, piece;
	int on_their_way;
	int64_t last_piece;
	bool finishing, over;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void feed(struct upload *u)
{
	while (u->left && u->on_their_way < INGEST_DEPTH) {
		size_t len = u->left < u->piece ? u->left : u->piece;
		const char *at = u->at;

		u->at += len;
		u->left -= len;
		u->on_their_way++;
		ingest_piece(u->ingest, at, len);
	}
}

static void answered(void *who, struct problem p)
{
	struct upload *u = who;

	if (p.code != PROBLEM_NONE)
		fail("ingest", p.detail);
	if (u->finishing) {
		u->over = true;
		return;
	}
	u->on_their_way--;
	feed(u);
	if (u->on_their_way)
		return;
	u->finishing = true;
	u->last_piece = monotonic_us();
	ingest_finish(u->ingest);
}

static double processor_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void open_file(const char *path, struct upload *u)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		fail(path, "cannot be opened");
	u->left = (size_t)st.st_size;
	u->at = mmap(NULL, u->left, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (u->at == MAP_FAILED)
		fail(path, "cannot be mapped");
}

int main(int argc, char **argv)
{
	if (argc < 3 || sodium_init() < 0)
		fail("usage", "b_ingest FOLDER FILE [PIECE_KIB [THREADS]]");
	struct arena *a = arena_new(1 << 20);
	struct upload u = {.piece = (argc > 3 ? strtoul(argv[3], NULL, 10) : 512) * 1024};
	struct poller *p = poller_new();
	struct ingest_plan plan = {.jobs = jobs_new(argc > 4 ? (int)strtol(argv[4], NULL, 10) : 4),
				   .home = mailbox_new(p),
				   .length = -1,
				   .done = answered,
				   .who = &u};
	struct problem opened =
		store_open(a, &(struct store_options){.location = argv[1]}, &plan.store);
	if (opened.code != PROBLEM_NONE)
		fail("store", opened.detail);
	open_file(argv[2], &u);

	double processor = processor_seconds();
	int64_t start = monotonic_us();
	u.ingest = ingest_begin(&plan);
	feed(&u);
	while (!u.over)
		poller_turn(p, INT64_MAX);
	int64_t end = monotonic_us();
	const struct ingest_result *r = ingest_result(u.ingest);
	printf("%.3f s, %.3f s of it after the last piece, %.2f s of processor time, %.0f MB/s\n",
	       (double)(end - start) / 1e6, (double)(end - u.last_piece) / 1e6,
	       processor_seconds() - processor, (double)r->size / (double)(end - start));
	ingest_discard(plan.store, plan.jobs, r->key);
	ingest_end(u.ingest);
	jobs_free(plan.jobs);
	mailbox_free(plan.home);
	plan.store->ops->close(plan.store);
	poller_free(p);
	arena_free(a);
	return 0;
}
