#include "own_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEPTH = 16 };

static int files_seen;

static int count_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)path, (void)st, (void)at;
	files_seen += kind == FTW_F || kind == FTW_SL;
	return 0;
}

static int remove_any(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	count_file(path, st, kind, at);
	return remove(path);
}

bool own_folder_make(char path[OWN_FOLDER], const char *test)
{
	snprintf(path, OWN_FOLDER, "/tmp/%s.XXXXXX", test);
	return mkdtemp(path) != NULL;
}

int own_folder_files(const char *path)
{
	files_seen = 0;
	nftw(path, count_file, DEPTH, FTW_PHYS);
	return files_seen;
}

int own_folder_remove(const char *path)
{
	files_seen = 0;
	nftw(path, remove_any, DEPTH, FTW_DEPTH | FTW_PHYS);
	return files_seen;
}

unsigned char *sample_bytes(size_t len)
{
	void *room;

	if (posix_memalign(&room, 4096, len) != 0) /* whole pages, for direct writes */
		return NULL;
	unsigned char *bytes = room;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 31 + (i >> 8));
	return bytes;
}
