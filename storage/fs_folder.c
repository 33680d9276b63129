#include "storage/fs_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/durable.h"
#include "base/log.h"
#include "storage/key.h"

enum { FOLDER_MODE = 0750 };

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

struct problem fs_fault(struct arena *a, int error, const char *what, const char *path)
{
	log_line(LOG_ERROR, "storage_failed", LOG_TEXT("what", what), LOG_TEXT("path", path),
		 LOG_TEXT("why", strerror(error)));
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].error == error)
			return problem(a, meanings[i].code, "%s", meanings[i].detail);
	return problem(a, PROBLEM_INTERNAL, "the artifact store failed: %s", strerror(error));
}

/* ---- names ------------------------------------------------------------------------ */

void fs_incoming_path(const struct fs *fs, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/incoming/%s", fs->path, name);
}

void fs_folder_path(const struct fs *fs, unsigned folder, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/blobs/%02x/%02x", fs->path, folder >> 8, folder & 255);
}

void fs_blob_path(const struct fs *fs, const char *key, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/blobs/%.2s/%.2s/%s", fs->path, key, key + 2, key);
}

struct problem fs_key_path(const struct fs *fs, struct arena *a, const char *key,
			   char path[PATH_MAX])
{
	TRY(storage_key_check(a, key));
	fs_blob_path(fs, key, path);
	return NO_PROBLEM;
}

unsigned fs_folder_of(const char *key)
{
	const char digits[5] = {key[0], key[1], key[2], key[3], '\0'};

	return (unsigned)strtoul(digits, NULL, 16);
}

/* ---- folders ---------------------------------------------------------------------- */

unsigned fs_sync_faults(struct fs *fs)
{
	return atomic_load(&fs->sync_faults);
}

void fs_sync_failed(struct fs *fs)
{
	atomic_fetch_add(&fs->sync_faults, 1);
}

int fs_sync_trusted(struct fs *fs, unsigned faults)
{
	return fs_sync_faults(fs) == faults ? 0 : EIO;
}

int fs_make_folder(const char *path)
{
	return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : errno;
}

/* blobs, blobs/ab and blobs/ab/cd. */
struct branch {
	char blobs[PATH_MAX], ab[PATH_MAX], cd[PATH_MAX];
};

static void branch_of(const struct fs *fs, unsigned folder, struct branch *b)
{
	fs_folder_path(fs, folder, b->cd);
	snprintf(b->ab, sizeof(b->ab), "%.*s", (int)(strrchr(b->cd, '/') - b->cd), b->cd);
	snprintf(b->blobs, sizeof(b->blobs), "%.*s", (int)(strrchr(b->ab, '/') - b->ab), b->ab);
}

/* After a failed fsync only what is made anew can become safe. Who has found the folders there
 * hears of it by one of the two numbers, who comes later makes them. */
static void branch_forsake(struct fs *fs, const struct branch *b)
{
	fs_sync_failed(fs);
	rmdir(b->cd);
	rmdir(b->ab);
	fs_sync_failed(fs);
}

static int branch_sync(struct fs *fs, const struct branch *b)
{
	int error = folder_sync(b->ab);

	if (!error)
		error = folder_sync(b->blobs);
	if (error)
		branch_forsake(fs, b);
	return error;
}

static int branch_make(struct fs *fs, const struct branch *b)
{
	const unsigned faults = fs_sync_faults(fs);
	int error = fs_make_folder(b->ab);

	if (!error)
		error = fs_make_folder(b->cd);
	if (!error)
		error = branch_sync(fs, b);
	return error ? error : fs_sync_trusted(fs, faults);
}

/* A folder that exists may have been made a moment ago by someone who has not
 * yet synced its parent, so its existence proves nothing: before a process uses
 * a folder for the first time it syncs the parents itself. */
int fs_folder_ready(struct fs *fs, unsigned folder)
{
	const unsigned char bit = (unsigned char)(1U << (folder & 7));
	atomic_uchar *safe = &fs->safe[folder / 8];
	struct branch b;

	if (atomic_load(safe) & bit)
		return 0;
	branch_of(fs, folder, &b);
	int error = branch_make(fs, &b);
	if (!error)
		atomic_fetch_or(safe, bit);
	return error;
}

void fs_folder_forget(struct fs *fs, unsigned folder)
{
	atomic_fetch_and(&fs->safe[folder / 8], (unsigned char)~(1U << (folder & 7)));
}
