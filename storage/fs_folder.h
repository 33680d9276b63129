/* fs_folder.h - the folder of a store in a file system: names in it, folders, faults.
 *
 * What the parts of storage/fs.h stand on; nothing else includes it. Functions that
 * return int return an errno, 0 when all went well.
 */
#ifndef HALLMARK_STORAGE_FS_FOLDER_H
#define HALLMARK_STORAGE_FS_FOLDER_H

#include <dirent.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/problem.h"
#include "storage/store.h"

enum { FS_FOLDERS = 256 * 256 /* ab/cd */ };

struct fs {
	struct store store;
	bool local;
	atomic_uchar safe[FS_FOLDERS / 8]; /* this process has fsynced the folder's parents */
	atomic_uint sync_faults;           /* so often the fsync of a folder has failed */
	char path[];
};

static inline void fs_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fs_close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define AUTO_FD  __attribute__((cleanup(fs_close_fd))) int
#define AUTO_DIR __attribute__((cleanup(fs_close_dir))) DIR

/* Logs what failed; the problem says what it means, and no path. */
struct problem fs_fault(struct arena *a, int error, const char *what, const char *path) MUST_CHECK;

/* Every path is shorter than PATH_MAX: store_folder() keeps room for what is added. */
void fs_incoming_path(const struct fs *fs, const char *name, char path[PATH_MAX]);
void fs_folder_path(const struct fs *fs, unsigned folder, char path[PATH_MAX]);
void fs_blob_path(const struct fs *fs, const char *key, char path[PATH_MAX]);
struct problem fs_key_path(const struct fs *fs, struct arena *a, const char *key,
			   char path[PATH_MAX]) MUST_CHECK; /* of a key that is checked first */
unsigned fs_folder_of(const char *key);

/* Several uploads make names in one folder. When its fsync fails the kernel tells one of them,
 * and the next that all is well. So an fsync is trusted when no other has failed since `faults`
 * was read, which comes before the name is made. 0, or EIO. */
unsigned fs_sync_faults(struct fs *fs);
void fs_sync_failed(struct fs *fs);
int fs_sync_trusted(struct fs *fs, unsigned faults);

int fs_make_folder(const char *path); /* or it is there */

/* The folder exists and what leads to it is safe; after a fault it is to be forgotten. */
int fs_folder_ready(struct fs *fs, unsigned folder);
void fs_folder_forget(struct fs *fs, unsigned folder);

#endif
