#include "cli/file_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/exit.h"
#include "cli/small_file.h"

enum { PIECE = 256 * 1024 };

struct problem file_feed(struct arena *a, int fd, const char *path, struct hasher *h, int64_t *size,
			 void (*told)(void *who, int64_t bytes), void *who)
{
	unsigned char *piece = arena_bytes(a, PIECE);

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
		hasher_feed(h, piece, (size_t)n);
		*size += n;
		if (told)
			told(who, n);
	}
	return problem(a, CLI_INTERRUPTED, "interrupted");
}

struct problem file_digests(struct arena *a, int fd, const char *path, struct digests *out,
			    int64_t *size, void (*told)(void *who, int64_t bytes), void *who)
{
	struct hasher h;
	struct problem p;

	if (!hasher_begin(&h))
		return problem(a, CLI_FAILED, "there is no memory left");
	p = file_feed(a, fd, path, &h, size, told, who);
	hasher_end(&h, out);
	return p;
}
