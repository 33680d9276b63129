/* durable.h - small private files that are whole and on the disk, or not there at all. */
#ifndef HALLMARK_BASE_DURABLE_H
#define HALLMARK_BASE_DURABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/problem.h"

/* Writes a file of mode 0600: a temporary beside it, fsync, a link to the name, fsync
 * of the folder. CONFLICT when the name is taken; it is never overwritten. After any other
 * problem the name is not there. */
struct problem durable_create(struct arena *a, const char *path, const void *bytes,
			      size_t len) MUST_CHECK;
/* The same, but takes the place of what was there. */
struct problem durable_replace(struct arena *a, const char *path, const void *bytes,
			       size_t len) MUST_CHECK;

/* All of it, however often the kernel has to be asked. False with errno set. */
bool write_whole(int fd, const void *bytes, size_t len);

/* Makes what was done in the folder of path last: names made, moved or removed. */
struct problem durable_folder_of(struct arena *a, const char *path) MUST_CHECK;

/* Makes a folder of this mode, and its name last; or it is there. */
struct problem durable_folder(struct arena *a, const char *path, unsigned mode) MUST_CHECK;

/* Of a file that is there: its bytes and its name. Whoever wrote it may have been cut short, or
 * have copied it without a care. A file system that is read-only or in memory has nothing to do. */
struct problem durable_file(struct arena *a, const char *path) MUST_CHECK;

/* fsync of a folder: 0, or errno. An fsync that failed is final: asked again the kernel may say
 * that all is well, and what was to last is to be made anew. */
int folder_sync(const char *path);

#endif
