#include "cli/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "cli/exit.h"

enum { PIECE = 64 * 1024 };

void fd_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

struct problem file_problem(struct arena *a, const char *path, int error)
{
	enum problem_code code = error == ENOENT                      ? PROBLEM_NOT_FOUND
				 : error == ENOSPC || error == EDQUOT ? PROBLEM_NO_SPACE
								      : CLI_FAILED;

	if (error == ELOOP)
		return problem(a, code, "%s: is a symbolic link, which is not followed", path);
	return problem(a, code, "%s: %s", path, strerror(error));
}

static struct problem read_all(struct arena *a, int fd, const char *path, size_t limit,
			       const char **text, size_t *len)
{
	size_t used = 0, room = PIECE;
	char *buf = arena_bytes(a, room + 1);

	for (;;) {
		ssize_t n = read(fd, buf + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_problem(a, path, errno);
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > limit)
			return problem(a, CLI_FAILED, "%s: is larger than %zu bytes", path, limit);
		if (used < room)
			continue;

		char *wider = arena_bytes(a, room * 2 + 1);

		memcpy(wider, buf, used);
		buf = wider;
		room *= 2;
	}
	buf[used] = '\0';
	*text = buf;
	*len = used;
	return NO_PROBLEM;
}

struct problem small_file_read(struct arena *a, int dir, const char *path, size_t limit,
			       const char **text, size_t *len)
{
	int follow = dir == AT_FDCWD ? 0 : O_NOFOLLOW;
	int fd __attribute__((cleanup(fd_close))) =
		openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | follow);

	if (fd < 0)
		return file_problem(a, path, errno);
	return read_all(a, fd, path, limit, text, len);
}

/* A failed fsync or close is final: what was written may be lost without a trace. */
static int write_synced(int dir, const char *path, mode_t mode, const void *bytes, size_t len)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int error = 0;

	if (fd < 0)
		return errno;
	if (!write_whole(fd, bytes, len) || fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

static int sync_folder(struct arena *a, int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? arena_dup(a, path, (size_t)(slash - path) + 1) : ".";
	int fd __attribute__((cleanup(fd_close))) =
		openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) != 0 ? errno : 0;
}

struct problem small_file_write(struct arena *a, int dir, const char *path, mode_t mode,
				const void *bytes, size_t len)
{
	uint64_t dice = 0;

	if (getrandom(&dice, sizeof(dice), 0) != sizeof(dice))
		return file_problem(a, path, errno);

	const char *beside = arena_printf(a, "%s.%016llx.new", path, (unsigned long long)dice);
	int error = write_synced(dir, beside, mode, bytes, len);

	if (!error && renameat(dir, beside, dir, path) != 0)
		error = errno;
	if (error) {
		unlinkat(dir, beside, 0);
		return file_problem(a, path, error);
	}
	error = sync_folder(a, dir, path);
	return error ? file_problem(a, path, error) : NO_PROBLEM;
}

struct problem small_file_folders(struct arena *a, const char *path)
{
	for (const char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;

		const char *folder = arena_dup(a, path, (size_t)(p - path));

		if (mkdir(folder, 0700) != 0 && errno != EEXIST)
			return file_problem(a, folder, errno);
	}
	return NO_PROBLEM;
}
