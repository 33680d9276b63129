/* store.h - where bytes live: one interface for every kind of store.
 *
 * A store keeps blobs under storage keys. A key is used once, for ever: the
 * bytes behind it never change, and a new upload of the same bytes gets a key
 * of its own (the database picks the winner), so a late delete cannot hit new
 * bytes. All calls block; loops run them as jobs (base/jobs.h). A store may be
 * used by any number of threads at once.
 *
 * Problems: NO_SPACE when the medium or a quota is full, TOO_LARGE when the store
 * takes no file of that size, NOT_FOUND when there are no bytes behind a key, BUSY
 * when descriptors or memory are out for the moment, UNAVAILABLE when a remote
 * store does not answer, else INTERNAL. What
 * failed on our side is logged here, once, with the file it happened to; the
 * problem's detail names no path.
 */
#ifndef HALLMARK_STORAGE_STORE_H
#define HALLMARK_STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/problem.h"
#include "storage/key.h"

struct store;

/* One upload on its way into the store. Not shared: one call at a time. */
struct store_put;

/* A stored blob, as list() finds it. */
struct store_entry {
	char key[STORAGE_KEY];
	int64_t size;
	int64_t age; /* seconds since it was written, by the store's own clock */
};

struct store_ops {
	/* announced: how many bytes will come, -1 when unknown. NO_SPACE at once when it is
	 * clear that they do not fit. */
	MUST_CHECK struct problem (*put_begin)(struct store *s, struct arena *a, int64_t announced,
					       struct store_put **put);
	/* Appends all of len bytes at the end. After a problem only put_abort() is left. */
	MUST_CHECK struct problem (*put_write)(struct store_put *put, struct arena *a,
					       const void *data, size_t len);
	/* Makes the bytes durable under their final name and fills key. After it, or after
	 * abort, put is gone. A failure has removed what was written: a failed fsync is
	 * final for that file, it is never tried again. */
	MUST_CHECK struct problem (*put_finish)(struct store_put *put, struct arena *a,
						const unsigned char sha256[32],
						char key[STORAGE_KEY]);
	void (*put_abort)(struct store_put *put);

	/* A descriptor at offset 0 and the size; the caller closes it. */
	MUST_CHECK struct problem (*open)(struct store *s, struct arena *a, const char *key,
					  int *fd, int64_t *size);
	/* The size of what open() would give, without fetching it. */
	MUST_CHECK struct problem (*size)(struct store *s, struct arena *a, const char *key,
					  int64_t *size);
	/* Removing what is not there is no problem. */
	MUST_CHECK struct problem (*remove)(struct store *s, struct arena *a, const char *key);
	/* Removes uploads that no process works on any more; how many. */
	MUST_CHECK struct problem (*sweep)(struct store *s, struct arena *a, int64_t *removed);
	/* The next blobs in the order of their keys, from the first after the key `after`
	 * ("" begins); fewer than room only at the end. For the search for orphans: a key that
	 * is old and that no row names. */
	MUST_CHECK struct problem (*list)(struct store *s, struct arena *a, const char *after,
					  int room, struct store_entry *entries, int *count);
	MUST_CHECK struct problem (*check)(struct store *s,
					   struct arena *a); /* can it be written? /ready */
	void (*close)(struct store *s);                      /* no upload may be open */
};

struct store {
	const struct store_ops *ops;
	bool sendfile; /* open() gives a local file that sendfile may serve */
};

/* Which code speaks to the store. */
enum store_driver {
	STORE_AUTO, /* by the location; an object store needs its driver named */
	STORE_LIBS3
};

struct store_options {
	const char *location; /* a folder, or a bucket: see storage/bucket.h */
	enum store_driver driver;
	/* For object stores. Copied. */
	const char *scratch; /* a folder on a local disk for bytes on their way */
	const char *access_key, *secret_key;
};

/* Opens the store, making its folders when they are missing. A folder is an
 * absolute path or a file URL (RFC 8089); INVALID says what would be right. */
struct problem store_open(struct arena *a, const struct store_options *o,
			  struct store **out) MUST_CHECK;

/* The folder that a location names, absolute, without "." or ".." or double slashes. */
struct problem store_folder(struct arena *a, const char *location, const char **out) MUST_CHECK;

#endif
