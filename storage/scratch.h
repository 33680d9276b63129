/* scratch.h - a folder for bytes on their way between a client and an object store.
 *
 * Its files have no name, so they are gone with their last descriptor, whatever happens
 * to us. It needs room for every transfer at once.
 */
#ifndef HALLMARK_STORAGE_SCRATCH_H
#define HALLMARK_STORAGE_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"

int scratch_file(const char *folder, int *fd); /* 0, or errno */

bool scratch_has_room(const char *folder, int64_t size); /* true when nobody knows */

/* What the client hears of an errno; the log hears more. */
struct problem scratch_fault(struct arena *a, const char *folder, int error) MUST_CHECK;

#endif
