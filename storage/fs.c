#include "storage/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/key.h"

enum {
	FOLDERS = 256 * 256,          /* ab/cd */
	PUSH_EVERY = 8 * 1024 * 1024, /* bytes */
	DIRECT_FROM = 8 * 1024 * 1024,
	DIRECT_ALIGN = 4096, /* bytes: in memory, in the file, of the length */
	FOLDER_MODE = 0750,
	BLOB_MODE = 0440,
};

struct fs {
	struct store store;
	bool local;
	atomic_uchar safe[FOLDERS / 8]; /* this process has fsynced the folder's parents */
	char path[];
};

struct fs_put {
	struct fs *fs;
	int fd;
	int64_t written, pushed;
	bool direct; /* past the page cache */
	char name[STORAGE_RANDOM_TEXT + 1];
};

/* ---- what goes wrong -------------------------------------------------------------- */

static const struct {
	int error;
	enum problem_code code;
	const char *detail;
} meanings[] = {
	{ENOSPC, PROBLEM_NO_SPACE, "the artifact store is full"},
	{EDQUOT, PROBLEM_NO_SPACE, "the artifact store's quota is used up"},
	{EFBIG, PROBLEM_NO_SPACE, "the artifact store cannot hold a file of this size"},
	{EMFILE, PROBLEM_BUSY, "too many artifacts are open at the moment"},
	{ENFILE, PROBLEM_BUSY, "too many files are open on the machine at the moment"},
	{ENOMEM, PROBLEM_BUSY, "there is not enough memory at the moment"},
	{EROFS, PROBLEM_UNAVAILABLE, "the artifact store is read-only at the moment"},
	{ESTALE, PROBLEM_UNAVAILABLE, "the artifact store is away"},
	{ETIMEDOUT, PROBLEM_UNAVAILABLE, "the artifact store does not answer"},
	{ENOTCONN, PROBLEM_UNAVAILABLE, "the artifact store is away"},
	{EHOSTDOWN, PROBLEM_UNAVAILABLE, "the artifact store is away"},
	{ENOENT, PROBLEM_NOT_FOUND, "the artifact store has no such bytes"},
	{EIO, PROBLEM_INTERNAL, "the artifact store had an input or output error"},
	{EACCES, PROBLEM_INTERNAL, "the service is not allowed to use the artifact store"},
};

static struct problem fault(struct arena *a, int error, const char *what, const char *path)
{
	log_line(LOG_ERROR, "storage_failed", LOG_TEXT("what", what), LOG_TEXT("path", path),
		 LOG_TEXT("why", strerror(error)));
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].error == error)
			return problem(a, meanings[i].code, "%s", meanings[i].detail);
	return problem(a, PROBLEM_INTERNAL, "the artifact store failed: %s", strerror(error));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define AUTO_FD  __attribute__((cleanup(close_fd))) int
#define AUTO_DIR __attribute__((cleanup(close_dir))) DIR

/* ---- names ------------------------------------------------------------------------ */

/* Every path is shorter than PATH_MAX: store_folder() keeps room for what is added. */
static void incoming_path(const struct fs *fs, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/incoming/%s", fs->path, name);
}

static void folder_path(const struct fs *fs, unsigned folder, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/blobs/%02x/%02x", fs->path, folder >> 8, folder & 255);
}

static void blob_path(const struct fs *fs, const char *key, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/blobs/%.2s/%.2s/%s", fs->path, key, key + 2, key);
}

static struct problem key_path(const struct fs *fs, struct arena *a, const char *key,
			       char path[PATH_MAX])
{
	TRY(storage_key_check(a, key));
	blob_path(fs, key, path);
	return NO_PROBLEM;
}

static unsigned folder_of(const char *key)
{
	const char digits[5] = {key[0], key[1], key[2], key[3], '\0'};

	return (unsigned)strtoul(digits, NULL, 16);
}

/* ---- folders ---------------------------------------------------------------------- */

/* Some network file systems have no fsync of folders and say EINVAL: nothing to do there. */
static int sync_folder(const char *path)
{
	AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	return fsync(fd) == 0 || errno == EINVAL || errno == EBADF ? 0 : errno;
}

static int make_folder(const char *path)
{
	return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : errno;
}

/* A folder that exists may have been made a moment ago by someone who has not
 * yet synced its parent, so its existence proves nothing: before a process uses
 * a folder for the first time it syncs the parents itself. */
static int folder_ready(struct fs *fs, unsigned folder)
{
	const unsigned char bit = (unsigned char)(1U << (folder & 7));
	atomic_uchar *safe = &fs->safe[folder / 8];
	char path[PATH_MAX];
	int error;

	if (atomic_load(safe) & bit)
		return 0;
	folder_path(fs, folder, path);
	char *cd = strrchr(path, '/');
	*cd = '\0';
	char *ab = strrchr(path, '/');
	if ((error = make_folder(path)))
		return error;
	*cd = '/';
	if ((error = make_folder(path)))
		return error;
	*cd = '\0';
	if ((error = sync_folder(path)))
		return error;
	*ab = '\0';
	if ((error = sync_folder(path)))
		return error;
	atomic_fetch_or(safe, bit);
	return 0;
}

static void folder_forget(struct fs *fs, unsigned folder)
{
	atomic_fetch_and(&fs->safe[folder / 8], (unsigned char)~(1U << (folder & 7)));
}

/* ---- uploads ---------------------------------------------------------------------- */

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
static int create_incoming(const struct fs *fs, char name[STORAGE_RANDOM_TEXT + 1], int *out)
{
	for (bool lost = true; lost;) {
		char path[PATH_MAX];

		storage_random(name);
		incoming_path(fs, name, path);
		int fd =
			open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, BLOB_MODE);
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
	return fault(a, ENOSPC, "announced", fs->path);
}

/* Large files pass by the page cache: pages for them would have to be found, filled and
 * written, and would drive out what the database keeps there. */
static void enter_direct(struct fs_put *put, int64_t announced)
{
	const bool large = announced < 0 || announced >= DIRECT_FROM;

	put->direct = put->fs->local && large && fcntl(put->fd, F_SETFL, O_DIRECT) == 0;
}

static bool suits_direct(const struct fs_put *put, const void *from, size_t len)
{
	return ((uintptr_t)from | len | (uint64_t)put->written) % DIRECT_ALIGN == 0;
}

/* For good: after an odd piece no later one begins on a block. */
static int leave_direct(struct fs_put *put)
{
	put->direct = false;
	return fcntl(put->fd, F_SETFL, 0) == 0 ? 0 : errno;
}

static struct problem fs_put_begin(struct store *s, struct arena *a, int64_t announced,
				   struct store_put **out)
{
	struct fs *fs = (struct fs *)s;

	TRY(fits(fs, a, announced));
	struct fs_put *put = malloc(sizeof(*put));
	if (!put)
		return fault(a, ENOMEM, "create", fs->path);
	*put = (struct fs_put){.fs = fs, .fd = -1};
	int error = create_incoming(fs, put->name, &put->fd);
	if (error) {
		free(put);
		return fault(a, error, "create", fs->path);
	}
	enter_direct(put, announced);
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
static int write_some(struct fs_put *put, const void *from, size_t len, size_t *some)
{
	*some = 0;
	if (put->direct && !suits_direct(put, from, len))
		return leave_direct(put);
	ssize_t n = write(put->fd, from, len);
	if (n < 0 && errno == EINVAL && put->direct)
		return leave_direct(put);
	if (n < 0)
		return errno == EINTR ? 0 : errno;
	*some = (size_t)n;
	put->written += n;
	return n > 0 ? 0 : EIO;
}

static struct problem fs_put_write(struct store_put *p, struct arena *a, const void *data,
				   size_t len)
{
	struct fs_put *put = (struct fs_put *)p;
	const char *from = data;
	int error = 0;

	while (len && !error) {
		size_t some;

		error = write_some(put, from, len, &some);
		from += some;
		len -= some;
	}
	if (!error)
		error = push(put);
	return error ? fault(a, error, "write", put->name) : NO_PROBLEM;
}

static void fs_put_abort(struct store_put *p)
{
	struct fs_put *put = (struct fs_put *)p;
	char path[PATH_MAX];

	incoming_path(put->fs, put->name, path);
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

	incoming_path(put->fs, put->name, from);
	for (int tries = 0; tries < 2; tries++) {
		if ((error = folder_ready(put->fs, folder_of(key))))
			return error;
		if (rename(from, to) == 0)
			return 0;
		error = errno;
		if (error != ENOENT)
			return error;
		folder_forget(put->fs, folder_of(key));
	}
	return error;
}

/* After fsync the close has nothing left to write, but NFS reports late errors
 * there. The new name comes first because the lock ends with the close; nobody
 * knows that name yet. */
static int settle(struct fs_put *put, const char *path)
{
	char folder[PATH_MAX];
	int fd = put->fd;

	put->fd = -1;
	if (close(fd) != 0 && errno != EINTR)
		return errno;
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	return sync_folder(folder);
}

static struct problem fs_put_finish(struct store_put *p, struct arena *a,
				    const unsigned char sha256[32], char key[STORAGE_KEY])
{
	struct fs_put *put = (struct fs_put *)p;
	char path[PATH_MAX];
	const char *what = "fsync";

	storage_key_new(sha256, key);
	blob_path(put->fs, key, path);
	int error = fsync(put->fd) == 0 ? 0 : errno;
	if (!error) {
		what = "rename";
		error = move_in(put, key, path);
	}
	if (!error) {
		what = "settle";
		error = settle(put, path);
		if (error)
			unlink(path);
	}
	if (error) {
		fs_put_abort(p);
		return fault(a, error == ENOENT ? EIO : error, what, path);
	}
	free(put);
	return NO_PROBLEM;
}

/* ---- reading and removing --------------------------------------------------------- */

/* An NFS client may not see for some seconds what another machine has stored, or
 * hold a stale handle: opening by name again asks the server. */
static int open_patiently(const struct fs *fs, const char *path, int *fd)
{
	static const long pauses_ms[] = {20, 80, 320, 1000};
	const size_t tries = fs->local ? 0 : sizeof(pauses_ms) / sizeof(pauses_ms[0]);

	for (size_t i = 0;; i++) {
		*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
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

	TRY(key_path(fs, a, key, path));
	int error = open_patiently(fs, path, &fd);
	if (error)
		return fault(a, error, "open", path);
	if (fstat(fd, &st) != 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EIO;
	if (error) {
		close(fd);
		return fault(a, error, "open", path);
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

	TRY(key_path(fs, a, key, path));
	if (unlink(path) != 0 && errno != ENOENT)
		return fault(a, errno, "remove", path);
	return NO_PROBLEM;
}

/* ---- upkeep ----------------------------------------------------------------------- */

/* Writes and removes a small file. Its time is the store's own clock, which on
 * NFS is not ours. */
static struct problem probe(const struct fs *fs, struct arena *a, time_t *now)
{
	char name[STORAGE_RANDOM_TEXT + 1], path[PATH_MAX];
	AUTO_FD fd = -1;
	struct stat st = {0};
	int error = create_incoming(fs, name, &fd);

	if (error)
		return fault(a, error, "probe", fs->path);
	incoming_path(fs, name, path);
	if (write(fd, "", 1) != 1 || fstat(fd, &st) != 0)
		error = errno;
	if (unlink(path) != 0 && !error)
		error = errno;
	if (error)
		return fault(a, error, "probe", path);
	*now = st.st_mtime;
	return NO_PROBLEM;
}

static struct problem fs_check(struct store *s, struct arena *a)
{
	time_t now = 0;

	return probe((const struct fs *)s, a, &now);
}

/* Dead is: on a local disk, nobody holds the lock; elsewhere, not grown for long. */
static bool remove_dead(const struct fs *fs, const char *path, time_t now)
{
	struct stat st;

	if (!fs->local) {
		if (stat(path, &st) != 0 || now - st.st_mtime <= FS_DEAD_AFTER)
			return false;
		return unlink(path) == 0;
	}
	AUTO_FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return false;
	return unlink(path) == 0; /* under the lock: see lock_new() */
}

static struct problem fs_sweep(struct store *s, struct arena *a, int64_t *removed)
{
	const struct fs *fs = (const struct fs *)s;
	char path[PATH_MAX];
	time_t now = 0;

	*removed = 0;
	TRY(probe(fs, a, &now));
	incoming_path(fs, "", path);
	AUTO_DIR *dir = opendir(path);
	if (!dir)
		return fault(a, errno, "sweep", path);
	for (const struct dirent *e; (e = readdir(dir));) {
		if (!storage_is_random(e->d_name))
			continue; /* not ours: .nfs… of a file still open, lost+found */
		incoming_path(fs, e->d_name, path);
		*removed += remove_dead(fs, path, now);
	}
	return NO_PROBLEM;
}

/* One page of list(): the smallest keys seen so far, in order. */
struct page {
	struct store_entry *entries;
	int count, room;
};

static void page_add(struct page *page, const struct store_entry *e)
{
	int at = page->count < page->room ? page->count++ : page->room - 1;

	for (; at > 0 && strcmp(page->entries[at - 1].key, e->key) > 0; at--)
		page->entries[at] = page->entries[at - 1];
	page->entries[at] = *e;
}

static bool page_takes(const struct page *page, const char *key)
{
	return page->count < page->room || strcmp(key, page->entries[page->room - 1].key) < 0;
}

/* The time of the last change of name, for a slow upload is old before it is stored. */
static int list_folder(DIR *dir, const char *after, time_t now, struct page *page)
{
	for (const struct dirent *e; (errno = 0, e = readdir(dir));) {
		struct store_entry entry = {0};
		struct stat st;

		if (!storage_is_key(e->d_name) || strcmp(e->d_name, after) <= 0 ||
		    !page_takes(page, e->d_name))
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			if (errno == ENOENT)
				continue; /* removed meanwhile */
			return errno;
		}
		memcpy(entry.key, e->d_name, STORAGE_KEY_TEXT);
		entry.size = st.st_size;
		entry.age = now - st.st_ctime;
		page_add(page, &entry);
	}
	return errno;
}

/* Every folder's keys are greater than those of the folder before, so a page is
 * full when a folder has filled it; each folder gets only the room that is left. */
static struct problem fs_list(struct store *s, struct arena *a, const char *after, int room,
			      struct store_entry *entries, int *count)
{
	const struct fs *fs = (const struct fs *)s;
	time_t now = 0;

	*count = 0;
	if (*after)
		TRY(storage_key_check(a, after));
	TRY(probe(fs, a, &now));
	for (unsigned f = *after ? folder_of(after) : 0; f < FOLDERS && *count < room; f++) {
		struct page page = {.entries = entries + *count, .room = room - *count};
		char path[PATH_MAX];

		folder_path(fs, f, path);
		AUTO_DIR *dir = opendir(path);
		if (!dir && errno != ENOENT)
			return fault(a, errno, "list", path);
		int error = dir ? list_folder(dir, after, now, &page) : 0;
		if (error)
			return fault(a, error, "list", path);
		*count += page.count;
	}
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
		int error = make_folder(path);
		if (error)
			return error;
	}
	snprintf(path, sizeof(path), "%.*s", (int)(strrchr(folder, '/') - folder), folder);
	sync_folder(*path ? path : "/"); /* may be another's folder: no right to, no duty */
	return sync_folder(folder);
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
