#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool write_whole(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		const ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static struct problem cannot(struct arena *a, const char *what, const char *path)
{
	enum problem_code code = errno == EEXIST                      ? PROBLEM_CONFLICT
				 : errno == ENOSPC || errno == EDQUOT ? PROBLEM_NO_SPACE
								      : PROBLEM_INTERNAL;

	return problem(a, code, "%s cannot be %s: %s", path, what, strerror(errno));
}

/* The temporary's name, its bytes on the disk; NULL with errno set. mkostemp gives 0600. */
static char *temporary(struct arena *a, const char *path, const void *bytes, size_t len)
{
	char *name = arena_printf(a, "%s.XXXXXX", path);
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		return NULL;
	bool good = write_whole(fd, bytes, len) && fsync(fd) == 0;
	int saved = errno;
	close(fd);
	if (good)
		return name;
	unlink(name);
	errno = saved;
	return NULL;
}

struct problem durable_folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		slash ? arena_dup(a, path, (size_t)(slash - path) + 1) : arena_dup(a, ".", 1);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cannot(a, "opened", folder);
	bool good = fsync(fd) == 0;
	struct problem p = good ? NO_PROBLEM : cannot(a, "made durable", folder);
	close(fd);
	return p;
}

struct problem durable_create(struct arena *a, const char *path, const void *bytes, size_t len)
{
	const char *name = temporary(a, path, bytes, len);

	if (!name)
		return cannot(a, "written", path);
	/* link(2), unlike rename(2), refuses a name that is taken */
	bool good = link(name, path) == 0;
	struct problem p = good ? NO_PROBLEM : cannot(a, "created", path);
	unlink(name);
	return good ? durable_folder_of(a, path) : p;
}

struct problem durable_replace(struct arena *a, const char *path, const void *bytes, size_t len)
{
	const char *name = temporary(a, path, bytes, len);

	if (!name)
		return cannot(a, "written", path);
	if (rename(name, path) != 0) {
		struct problem p = cannot(a, "replaced", path);

		unlink(name);
		return p;
	}
	return durable_folder_of(a, path);
}
