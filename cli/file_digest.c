#include "cli/file_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/exit.h"
#include "cli/small_file.h"

enum { PIECE = 128 * 1024 };

static struct problem feed(struct arena *a, int fd, const char *path, struct hasher *h,
			   int64_t *size, const struct reading_told *told,
			   void (*take)(struct hasher *h, const void *data, size_t len))
{
	unsigned char piece[PIECE];

	*size = 0;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (!cli_stop) {
		ssize_t n = pread(fd, piece, PIECE, *size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_problem(a, path, errno);
		if (n == 0)
			return NO_PROBLEM;
		take(h, piece, (size_t)n);
		*size += n;
		if (told)
			told->bytes(told->who, n);
	}
	return problem(a, CLI_INTERRUPTED, "interrupted");
}

struct problem file_feed(struct arena *a, int fd, const char *path, struct hasher *h, int64_t *size,
			 const struct reading_told *told)
{
	return feed(a, fd, path, h, size, told, hasher_feed);
}

static struct problem digests(struct arena *a, int fd, const char *path, struct digests *out,
			      int64_t *size, const struct reading_told *told,
			      void (*take)(struct hasher *h, const void *data, size_t len))
{
	struct hasher h;
	struct problem p;

	if (!hasher_begin(&h))
		return problem(a, CLI_FAILED, "there is no memory left");
	p = feed(a, fd, path, &h, size, told, take);
	hasher_end(&h, out);
	return p;
}

struct problem file_digests(struct arena *a, int fd, const char *path, struct digests *out,
			    int64_t *size, const struct reading_told *told)
{
	return digests(a, fd, path, out, size, told, hasher_feed);
}

struct problem file_sha256(struct arena *a, int fd, const char *path,
			   unsigned char out[SHA256_BYTES], int64_t *size,
			   const struct reading_told *told)
{
	struct digests d = {0};
	struct problem p = digests(a, fd, path, &d, size, told, hasher_sha256);

	for (size_t i = 0; i < SHA256_BYTES; i++)
		out[i] = d.sha256[i];
	return p;
}
