/* ingest.h - one pass over an upload: hashed twice while it is written.
 *
 * The loop hands over the body piece by piece. Three streams run through the
 * pieces at the same time, each in its own job and at its own speed: one writes,
 * one feeds SHA-256, one BLAKE2b-512 (a small piece that comes alone is one job):
 *
 *	u = ingest_begin(&plan);
 *	ingest_piece(u, data, len);   … done() …   and so on
 *	ingest_finish(u);             … done() …   ingest_result(u)
 *	ingest_end(u);
 *
 * Every ingest_piece() and ingest_finish() is answered by exactly one done(), on
 * the loop and in their order. Until then the piece must stay where it is; at most
 * INGEST_DEPTH may wait for their answer. After a problem only ingest_end() is
 * left.
 *
 * Nothing is visible in the store before ingest_finish() has found the announced
 * length and digest to be true. An upload between two pieces holds about 1.5 KiB
 * and one descriptor.
 */
#ifndef HALLMARK_STORAGE_INGEST_H
#define HALLMARK_STORAGE_INGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/jobs.h"
#include "base/problem.h"
#include "storage/store.h"

struct ingest;

enum { INGEST_DEPTH = 4 };

struct ingest_plan {
	struct store *store;
	struct jobs *jobs;
	struct mailbox *home;
	int64_t length;              /* announced, -1 when not */
	const unsigned char *sha256; /* announced, 32 bytes, copied; NULL when not */
	/* p.detail lives until ingest_end(). Both ingest_end() and the next call may come from
	 * within. */
	void (*done)(void *who, struct problem p);
	void *who;
};

/* What was stored, once ingest_finish() is done without a problem. */
struct ingest_result {
	int64_t size;
	struct digests digests;
	char key[STORAGE_KEY];
};

/* Does not touch the store yet. NULL when memory is out. */
struct ingest *ingest_begin(const struct ingest_plan *plan);

/* Data beyond the announced length is DIGEST_MISMATCH. */
void ingest_piece(struct ingest *u, const void *data, size_t len);

/* Too few bytes, or others than announced: DIGEST_MISMATCH. No piece may come after it. */
void ingest_finish(struct ingest *u);

const struct ingest_result *ingest_result(const struct ingest *u);

/* Every upload ends with this, at any moment. Unless the finish has been answered,
 * what was written is removed. The done() of calls in flight still comes and is the word
 * that the piece is free; then nothing more. */
void ingest_end(struct ingest *u);

/* Removes stored bytes, some time soon, without telling anyone: the database
 * has chosen another key for the same digest. */
void ingest_discard(struct store *s, struct jobs *j, const char *key);

/* Hashes stored bytes once more; blocks, so it is called from a job. From the
 * medium means that pages in memory are not believed and none are left behind:
 * for the scrub. Uses one buffer of 256 KiB while it runs. */
enum ingest_source { INGEST_FROM_CACHE, INGEST_FROM_MEDIUM };
struct problem ingest_reread(struct store *s, struct arena *a, const char *key,
			     enum ingest_source source, struct ingest_result *out) MUST_CHECK;

#endif
