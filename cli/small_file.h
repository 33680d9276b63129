/* small_file.h - files that fit in memory: read whole, replaced in one step. */
#ifndef HALLMARK_CLI_SMALL_FILE_H
#define HALLMARK_CLI_SMALL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/problem.h"

/* Reads the file at path below dir (AT_FDCWD: where we stand). A final symbolic
 * link is not followed below a folder of our own (dir not AT_FDCWD). The text
 * gets a NUL that is not counted. NOT_FOUND when there is no such file. */
MUST_CHECK struct problem small_file_read(struct arena *a, int dir, const char *path, size_t limit,
					  const char **text, size_t *len);

/* Written beside its place, synced, then renamed over it; with its folder synced. */
MUST_CHECK struct problem small_file_write(struct arena *a, int dir, const char *path, mode_t mode,
					   const void *bytes, size_t len);

/* Makes every missing folder above path, mode 0700. */
MUST_CHECK struct problem small_file_folders(struct arena *a, const char *path);

/* "/home/x/.config/hallmark: No such file or directory", with the code that fits errno. */
struct problem file_problem(struct arena *a, const char *path, int error);

/* For __attribute__((cleanup)). */
void fd_close(const int *fd);

#endif
