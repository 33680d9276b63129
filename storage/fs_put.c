#include "storage/fs_put.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/durable.h"
#include "base/failpoint.h"

enum {
	PUSH_EVERY = 8 * 1024 * 1024, /* bytes */
	DIRECT_FROM = 8 * 1024 * 1024,
	DIRECT_ALIGN = 4096, /* bytes: in memory, in the file, of the length */
	DIRECT_PIECE = 128 * 1024,
	BLOB_MODE = 0440,
};

struct fs_put {
	struct fs *fs;
	int fd;
	int64_t written, pushed;
	bool may_direct, direct; /* past the page cache; the descriptor's flag */
	char name[STORAGE_RANDOM_TEXT + 1];
};

/* Between the making of a file and its lock a sweep may take it for dead; then
 * the sweep holds the lock or has unlinked the file. Either way: another one. */
static int lock_new(int fd, bool *lost)
{
	struct stat st;

	*lost = flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (*lost)
		return errno == EWOULDBLOCK ? 0 : errno;
	if (fstat(fd, &st) != 0)
		return errno;
	*lost = st.st_nlink == 0;
	return 0;
}

/* The file may not even be written by its owner: only this descriptor writes. */
int fs_create_incoming(const struct fs *fs, char name[STORAGE_RANDOM_TEXT + 1], int *out)
{
	for (bool lost = true; lost;) {
		char path[PATH_MAX];

		storage_random(name);
		fs_incoming_path(fs, name, path);
		int fd = TEMP_FAILURE_RETRY(open(
			path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, BLOB_MODE));
		if (fd < 0)
			return errno;
		int error = fs->local ? lock_new(fd, &lost) : (lost = false, 0);
		if (error)
			unlink(path);
		if (error || lost)
			close(fd);
		if (error)
			return error;
		*out = fd;
	}
	return 0;
}

/* A body that cannot fit is refused before it has been sent. */
static struct problem fits(const struct fs *fs, struct arena *a, int64_t announced)
{
	struct statvfs v;

	if (announced <= 0 || statvfs(fs->path, &v) != 0 || v.f_frsize == 0)
		return NO_PROBLEM;
	if ((uint64_t)announced / v.f_frsize < v.f_bavail)
		return NO_PROBLEM;
	return fs_fault(a, ENOSPC, "announced", fs->path);
}

/* Large files pass by the page cache: pages for them would have to be found, filled and
 * written, and would drive out what the database keeps there. Small pieces do not: each
 * would be a write of its own on the medium, and slow uploads, whose they are, many. */
static bool suits_direct(const struct fs_put *put, const void *from, size_t len)
{
	return put->may_direct &&
	       ((uintptr_t)from | len | (uint64_t)put->written) % DIRECT_ALIGN == 0;
}

static int set_direct(struct fs_put *put, bool direct)
{
	if (put->direct == direct)
		return 0;
	if (fcntl(put->fd, F_SETFL, direct ? O_DIRECT : 0) == 0)
		put->direct = direct;
	else if (!direct)
		return errno;
	else
		put->may_direct = false; /* this file system knows no such thing */
	return 0;
}

struct problem fs_put_begin(struct store *s, struct arena *a, int64_t announced,
			    struct store_put **out)
{
	struct fs *fs = (struct fs *)s;

	TRY(fits(fs, a, announced));
	struct fs_put *put = malloc(sizeof(*put));
	if (!put)
		return fs_fault(a, ENOMEM, "create", fs->path);
	*put = (struct fs_put){.fs = fs, .fd = -1};
	int error = fs_create_incoming(fs, put->name, &put->fd);
	if (error) {
		free(put);
		return fs_fault(a, error, "create", fs->path);
	}
	FAILPOINT(UPLOAD_OPENED);
	put->may_direct = fs->local && (announced < 0 || announced >= DIRECT_FROM);
	*out = (struct store_put *)put;
	return NO_PROBLEM;
}

/* Starts writing to the medium early, so that the final fsync finds little left.
 * It only starts: waiting here could swallow the error that fsync has to report. */
static int push(struct fs_put *put)
{
	const int64_t from = put->pushed, len = put->written - from;

	if (!put->fs->local || len < PUSH_EVERY)
		return 0;
	put->pushed = put->written;
	if (sync_file_range(put->fd, from, len, SYNC_FILE_RANGE_WRITE) == 0)
		return 0;
	return errno == EIO || errno == ENOSPC || errno == EDQUOT ? errno : 0;
}

/* Writes some of it and says how much. EINVAL is what a medium says whose blocks are larger
 * than DIRECT_ALIGN: then it is no error yet. */
static int write_some(struct fs_put *put, const void *from, size_t len, bool direct, size_t *some)
{
	const int error = set_direct(put, direct && suits_direct(put, from, len));

	*some = 0;
	if (error)
		return error;
	ssize_t n = write(put->fd, from, len);
	if (n < 0 && errno == EINVAL && put->direct) {
		put->may_direct = false;
		return 0;
	}
	if (n < 0)
		return errno == EINTR ? 0 : errno;
	*some = (size_t)n;
	put->written += n;
	return n > 0 ? 0 : EIO;
}

struct problem fs_put_write(struct store_put *p, struct arena *a, const void *data, size_t len)
{
	struct fs_put *put = (struct fs_put *)p;
	const bool direct = len >= DIRECT_PIECE;
	const char *from = data;
	int error = 0;

	while (len && !error) {
		size_t some;

		error = write_some(put, from, len, direct, &some);
		from += some;
		len -= some;
	}
	if (!error)
		error = push(put);
	if (!error)
		error = FAILPOINT_ERROR(UPLOAD_WRITTEN);
	return error ? fs_fault(a, error, "write", put->name) : NO_PROBLEM;
}

void fs_put_abort(struct store_put *p)
{
	struct fs_put *put = (struct fs_put *)p;
	char path[PATH_MAX];

	fs_incoming_path(put->fs, put->name, path);
	unlink(path); /* while the lock still holds the sweep off */
	if (put->fd >= 0)
		close(put->fd);
	free(put);
}

/* A folder that somebody has removed since is made again, once. */
static int move_in(struct fs_put *put, const char *key, const char *to)
{
	char from[PATH_MAX];
	int error;

	fs_incoming_path(put->fs, put->name, from);
	for (int tries = 0; tries < 2; tries++) {
		if ((error = fs_folder_ready(put->fs, fs_folder_of(key))))
			return error;
		if (rename(from, to) == 0)
			return 0;
		error = errno;
		if (error != ENOENT)
			return error;
		fs_folder_forget(put->fs, fs_folder_of(key));
	}
	return error;
}

/* After fsync the close has nothing left to write, but NFS reports late errors
 * there. The new name comes first because the lock ends with the close; nobody
 * knows that name yet. */
static int settle(struct fs_put *put, const char *path, unsigned faults)
{
	char folder[PATH_MAX];
	int fd = put->fd;

	put->fd = -1;
	if (close(fd) != 0 && errno != EINTR)
		return errno;
	FAILPOINT(UPLOAD_CLOSED);
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	int error = folder_sync(folder);
	if (error)
		fs_sync_failed(put->fs);
	if (!error)
		error = FAILPOINT_ERROR(UPLOAD_SETTLED);
	return error ? error : fs_sync_trusted(put->fs, faults);
}

struct problem fs_put_finish(struct store_put *p, struct arena *a, const unsigned char sha256[32],
			     char key[STORAGE_KEY])
{
	struct fs_put *put = (struct fs_put *)p;
	char path[PATH_MAX];
	const char *what = "fsync";

	storage_key_new(sha256, key);
	fs_blob_path(put->fs, key, path);
	int error =
		TEMP_FAILURE_RETRY(fsync(put->fd)) == 0 ? FAILPOINT_ERROR(UPLOAD_FSYNCED) : errno;
	const unsigned faults = fs_sync_faults(put->fs);
	if (!error) {
		what = "rename";
		error = move_in(put, key, path);
	}
	if (!error) {
		what = "settle";
		FAILPOINT(UPLOAD_RENAMED);
		error = settle(put, path, faults);
		if (error)
			unlink(path);
	}
	if (error) {
		fs_put_abort(p);
		return fs_fault(a, error == ENOENT ? EIO : error, what, path);
	}
	free(put);
	return NO_PROBLEM;
}
