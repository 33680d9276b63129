#include "storage/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/durable.h"
#include "storage/fs_folder.h"
#include "storage/fs_put.h"
#include "storage/fs_upkeep.h"

/* ---- reading and removing --------------------------------------------------------- */

/* An NFS client may not see for some seconds what another machine has stored, or
 * hold a stale handle: opening by name again asks the server. */
static int open_patiently(const struct fs *fs, const char *path, int *fd)
{
	static const long pauses_ms[] = {20, 80, 320, 1000};
	const size_t tries = fs->local ? 0 : sizeof(pauses_ms) / sizeof(pauses_ms[0]);

	for (size_t i = 0;; i++) {
		*fd = TEMP_FAILURE_RETRY(
			open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
		if (*fd >= 0)
			return 0;
		if ((errno != ENOENT && errno != ESTALE) || i >= tries)
			return errno;
		const struct timespec pause = {pauses_ms[i] / 1000, pauses_ms[i] % 1000 * 1000000};
		nanosleep(&pause, NULL);
	}
}

static struct problem fs_open_blob(struct store *s, struct arena *a, const char *key, int *out,
				   int64_t *size)
{
	const struct fs *fs = (const struct fs *)s;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	TRY(fs_key_path(fs, a, key, path));
	int error = open_patiently(fs, path, &fd);
	if (error)
		return fs_fault(a, error, "open", path);
	if (fstat(fd, &st) != 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EIO;
	if (error) {
		close(fd);
		return fs_fault(a, error, "open", path);
	}
	*out = fd;
	*size = st.st_size;
	return NO_PROBLEM;
}

static struct problem fs_size(struct store *s, struct arena *a, const char *key, int64_t *size)
{
	AUTO_FD fd = -1;

	TRY(fs_open_blob(s, a, key, &fd, size));
	return NO_PROBLEM;
}

static struct problem fs_remove(struct store *s, struct arena *a, const char *key)
{
	const struct fs *fs = (const struct fs *)s;
	char path[PATH_MAX];

	TRY(fs_key_path(fs, a, key, path));
	if (unlink(path) != 0 && errno != ENOENT)
		return fs_fault(a, errno, "remove", path);
	return NO_PROBLEM;
}

static void fs_close(struct store *s)
{
	free(s);
}

/* ---- opening ---------------------------------------------------------------------- */

static const struct store_ops fs_ops = {
	.put_begin = fs_put_begin,
	.put_write = fs_put_write,
	.put_finish = fs_put_finish,
	.put_abort = fs_put_abort,
	.open = fs_open_blob,
	.size = fs_size,
	.remove = fs_remove,
	.sweep = fs_sweep,
	.list = fs_list,
	.check = fs_check,
	.close = fs_close,
};

/* f_type of statfs(2). Whatever is not here may be remote and slow: it gets no
 * sendfile from a loop and its locks are not believed. */
static bool is_local(const char *path)
{
	static const unsigned long kinds[] = {
		0xef53,     /* ext2, ext3, ext4 */
		0x58465342, /* XFS */
		0x9123683e, /* Btrfs */
		0xca451a4e, /* bcachefs */
		0x2fc12fc1, /* ZFS */
		0xf2f52010, /* F2FS */
		0x01021994, /* tmpfs */
		0x794c7630, /* overlayfs */
	};
	struct statfs st;

	if (statfs(path, &st) != 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((unsigned long)st.f_type == kinds[i])
			return true;
	return false;
}

static struct problem cannot_use(struct arena *a, const char *folder, const char *why)
{
	return problem(a, PROBLEM_INVALID, "the storage folder %s cannot be used: %s", folder, why);
}

/* Only the last folder of the location is made: when its parent is missing, a
 * volume is probably not mounted, and writing beneath it would hide the bytes. */
static int make_folders(const char *folder)
{
	static const char *const parts[] = {"", "/blobs", "/incoming"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", folder, parts[i]);
		int error = fs_make_folder(path);
		if (error)
			return error;
	}
	snprintf(path, sizeof(path), "%.*s", (int)(strrchr(folder, '/') - folder), folder);
	int error = folder_sync(*path ? path : "/");
	if (!error || error == EACCES) /* another's folder: no right to, no duty */
		error = folder_sync(folder);
	return error;
}

static bool on_one_file_system(const char *folder)
{
	char path[PATH_MAX];
	struct stat blobs, incoming;

	snprintf(path, sizeof(path), "%s/blobs", folder);
	if (stat(path, &blobs) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/incoming", folder);
	return stat(path, &incoming) == 0 && blobs.st_dev == incoming.st_dev;
}

struct problem fs_open(struct arena *a, const char *folder, struct store **out)
{
	const size_t len = strlen(folder);
	int error = make_folders(folder);

	if (error)
		return cannot_use(a, folder, strerror(error));
	if (!on_one_file_system(folder))
		return cannot_use(a, folder, "blobs and incoming lie on two file systems");
	struct fs *fs = calloc(1, sizeof(*fs) + len + 1);
	if (!fs)
		return cannot_use(a, folder, strerror(ENOMEM));
	memcpy(fs->path, folder, len + 1);
	fs->local = is_local(folder);
	fs->store = (struct store){.ops = &fs_ops, .sendfile = fs->local};
	struct problem p = fs_check(&fs->store, a);
	if (p.code != PROBLEM_NONE) {
		fs_close(&fs->store);
		return cannot_use(a, folder, "it cannot be written to");
	}
	*out = &fs->store;
	return NO_PROBLEM;
}
