/* store.h - where bytes live: one interface for every kind of store.
 *
 * A store keeps blobs under storage keys. A key is used once, for ever: the
 * bytes behind it never change, and a new upload of the same bytes gets a key
 * of its own (the database picks the winner), so a late delete cannot hit new
 * bytes. All calls block; loops run them as jobs (base/jobs.h). A store may be
 * used by any number of threads at once.
 */
#ifndef HALLMARK_STORAGE_STORE_H
#define HALLMARK_STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/problem.h"

enum { STORAGE_KEY = 128 }; /* room for any key with its NUL */

struct store;

/* One upload on its way into the store. Not shared: one call at a time. */
struct store_put;

struct store_ops {
	struct problem (*put_begin)(struct store *s, struct arena *a, struct store_put **put);
	/* Appends all of len bytes at the end. */
	struct problem (*put_write)(struct store_put *put, struct arena *a, const void *data,
	                            size_t len);
	/* Makes the bytes durable under their final name and fills key. After it, or after
	 * abort, put is gone. A failure has removed what was written: a failed fsync is
	 * final for that file, it is never tried again. */
	struct problem (*put_finish)(struct store_put *put, struct arena *a,
	                             const unsigned char sha256[32], char key[STORAGE_KEY]);
	void (*put_abort)(struct store_put *put);

	/* A descriptor at offset 0 and the size; GONE_MISSING is NOT_FOUND. */
	struct problem (*open)(struct store *s, struct arena *a, const char *key, int *fd,
	                       int64_t *size);
	struct problem (*remove)(struct store *s, struct arena *a, const char *key);
	/* Removes uploads that no process works on any more; how many. */
	struct problem (*sweep)(struct store *s, struct arena *a, int64_t *removed);
	struct problem (*check)(struct store *s, struct arena *a); /* can it be written? /ready */
	void (*close)(struct store *s);
};

struct store {
	const struct store_ops *ops;
	bool sendfile; /* open() gives a local file that sendfile may serve */
};

/* location: a path, or file:///path. INVALID says what would be right. */
struct problem store_open(struct arena *a, const char *location, struct store **out) MUST_CHECK;

#endif
