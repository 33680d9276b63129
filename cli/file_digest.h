/* file_digest.h - the digests of a whole file. */
#ifndef HALLMARK_CLI_FILE_DIGEST_H
#define HALLMARK_CLI_FILE_DIGEST_H

#include <stdint.h>

#include "base/digest.h"

/* Feeds everything from offset 0 to the end; size is how much that was. told may be NULL.
 * path is only named in problems. */
MUST_CHECK struct problem file_feed(struct arena *a, int fd, const char *path, struct hasher *h,
				    int64_t *size, void (*told)(void *who, int64_t bytes),
				    void *who);

/* SHA-256 and BLAKE2b-512 at once. */
MUST_CHECK struct problem file_digests(struct arena *a, int fd, const char *path,
				       struct digests *out, int64_t *size,
				       void (*told)(void *who, int64_t bytes), void *who);

#endif
