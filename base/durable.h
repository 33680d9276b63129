/* durable.h - small private files that are whole and on the disk, or not there at all. */
#ifndef HALLMARK_BASE_DURABLE_H
#define HALLMARK_BASE_DURABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/problem.h"

/* Writes a file of mode 0600: a temporary beside it, fsync, a link to the name, fsync
 * of the folder. CONFLICT when the name is taken; it is never overwritten. */
struct problem durable_create(struct arena *a, const char *path, const void *bytes,
			      size_t len) MUST_CHECK;
/* The same, but takes the place of what was there. */
struct problem durable_replace(struct arena *a, const char *path, const void *bytes,
			       size_t len) MUST_CHECK;

/* All of it, however often the kernel has to be asked. False with errno set. */
bool write_whole(int fd, const void *bytes, size_t len);

/* Makes what was done in the folder of path last: names made, moved or removed. */
struct problem durable_folder_of(struct arena *a, const char *path) MUST_CHECK;

#endif
