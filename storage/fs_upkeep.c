#include "storage/fs_upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/durable.h"
#include "storage/fs.h"
#include "storage/fs_put.h"
#include "storage/key.h"

/* Writes and removes a small file. Its time is the store's own clock, which on
 * NFS is not ours. */
static struct problem probe(const struct fs *fs, struct arena *a, time_t *now)
{
	char name[STORAGE_RANDOM_TEXT + 1], path[PATH_MAX];
	AUTO_FD fd = -1;
	struct stat st = {0};
	int error = fs_create_incoming(fs, name, &fd);

	if (error)
		return fs_fault(a, error, "probe", fs->path);
	fs_incoming_path(fs, name, path);
	if (!write_whole(fd, "", 1) || fstat(fd, &st) != 0)
		error = errno;
	if (unlink(path) != 0 && !error)
		error = errno;
	if (error)
		return fs_fault(a, error, "probe", path);
	*now = st.st_mtime;
	return NO_PROBLEM;
}

struct problem fs_check(struct store *s, struct arena *a)
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
	AUTO_FD fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return false;
	return unlink(path) == 0; /* under the lock: see storage/fs_put.c */
}

struct problem fs_sweep(struct store *s, struct arena *a, int64_t *removed)
{
	const struct fs *fs = (const struct fs *)s;
	char path[PATH_MAX];
	time_t now = 0;

	*removed = 0;
	TRY(probe(fs, a, &now));
	fs_incoming_path(fs, "", path);
	AUTO_DIR *dir = opendir(path);
	if (!dir)
		return fs_fault(a, errno, "sweep", path);
	for (const struct dirent *e; (e = readdir(dir));) {
		if (!storage_is_random(e->d_name))
			continue; /* not ours: .nfs… of a file still open, lost+found */
		fs_incoming_path(fs, e->d_name, path);
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
struct problem fs_list(struct store *s, struct arena *a, const char *after, int room,
		       struct store_entry *entries, int *count)
{
	const struct fs *fs = (const struct fs *)s;
	time_t now = 0;

	*count = 0;
	if (*after)
		TRY(storage_key_check(a, after));
	TRY(probe(fs, a, &now));
	for (unsigned f = *after ? fs_folder_of(after) : 0; f < FS_FOLDERS && *count < room; f++) {
		struct page page = {.entries = entries + *count, .room = room - *count};
		char path[PATH_MAX];

		fs_folder_path(fs, f, path);
		AUTO_DIR *dir = opendir(path);
		if (!dir && errno != ENOENT)
			return fs_fault(a, errno, "list", path);
		int error = dir ? list_folder(dir, after, now, &page) : 0;
		if (error)
			return fs_fault(a, error, "list", path);
		*count += page.count;
	}
	return NO_PROBLEM;
}
