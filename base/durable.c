#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	bool good = write_whole(fd, bytes, len) && TEMP_FAILURE_RETRY(fsync(fd)) == 0;
	int saved = errno;
	if (close(fd) != 0 && errno != EINTR && good) { /* NFS tells late errors here */
		saved = errno;
		good = false;
	}
	if (good)
		return name;
	unlink(name);
	errno = saved;
	return NULL;
}

/* Some network file systems have no fsync of folders and say EINVAL, one that is read-only
 * may say EROFS: nothing to do there. */
static int sync_errno(int fd)
{
	if (TEMP_FAILURE_RETRY(fsync(fd)) == 0)
		return 0;
	return errno == EINVAL || errno == EBADF || errno == EROFS ? 0 : errno;
}

static int sync_path(const char *path, int flags)
{
	int fd = TEMP_FAILURE_RETRY(open(path, flags | O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return errno;
	int error = sync_errno(fd);
	close(fd);
	return error;
}

int folder_sync(const char *path)
{
	return sync_path(path, O_DIRECTORY);
}

static char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_dup(a, path, (size_t)(slash - path) + 1) : arena_dup(a, ".", 1);
}

struct problem durable_folder_of(struct arena *a, const char *path)
{
	const char *folder = folder_of(a, path);

	errno = folder_sync(folder);
	return errno ? cannot(a, "made durable", folder) : NO_PROBLEM;
}

/* Where we may pass through a folder but not list it, it is another's and so is the duty. */
static struct problem folder_of_anybody(struct arena *a, const char *path)
{
	const char *folder = folder_of(a, path);

	errno = folder_sync(folder);
	return errno && errno != EACCES ? cannot(a, "made durable", folder) : NO_PROBLEM;
}

/* A folder that was there may have been made a moment ago, by one who was cut short. */
struct problem durable_folder(struct arena *a, const char *path, unsigned mode)
{
	const bool made = mkdir(path, mode) == 0;

	if (!made && errno != EEXIST)
		return cannot(a, "made", path);
	struct problem p = folder_of_anybody(a, path);
	if (p.code != PROBLEM_NONE && made)
		rmdir(path);
	return p;
}

struct problem durable_file(struct arena *a, const char *path)
{
	errno = sync_path(path, 0);
	if (errno)
		return cannot(a, "made durable", path);
	return folder_of_anybody(a, path);
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
	if (good)
		p = durable_folder_of(a, path);
	if (good && p.code != PROBLEM_NONE)
		unlink(path);
	return p;
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
