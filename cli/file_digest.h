/* file_digest.h - the digests of a whole file. */
#ifndef HALLMARK_CLI_FILE_DIGEST_H
#define HALLMARK_CLI_FILE_DIGEST_H

#include <stdint.h>

#include "base/digest.h"

/* Who wants to know how far the reading is; NULL where nobody does. */
struct reading_told {
	void (*bytes)(void *who, int64_t more);
	void *who;
};

/* Feeds everything from offset 0 to the end; size is how much that was. path is only
 * named in problems. */
MUST_CHECK struct problem file_feed(struct arena *a, int fd, const char *path, struct hasher *h,
				    int64_t *size, const struct reading_told *told);

/* SHA-256 and BLAKE2b-512 at once. */
MUST_CHECK struct problem file_digests(struct arena *a, int fd, const char *path,
				       struct digests *out, int64_t *size,
				       const struct reading_told *told);

/* SHA-256 alone, in a third of the time. */
MUST_CHECK struct problem file_sha256(struct arena *a, int fd, const char *path,
				      unsigned char out[SHA256_BYTES], int64_t *size,
				      const struct reading_told *told);

#endif
