/* fs_upkeep.h - looking after a store in a file system: probe, sweep, list. */
#ifndef HALLMARK_STORAGE_FS_UPKEEP_H
#define HALLMARK_STORAGE_FS_UPKEEP_H

#include "storage/fs_folder.h"

/* The operations of struct store_ops. */
struct problem fs_check(struct store *s, struct arena *a) MUST_CHECK;
struct problem fs_sweep(struct store *s, struct arena *a, int64_t *removed) MUST_CHECK;
struct problem fs_list(struct store *s, struct arena *a, const char *after, int room,
		       struct store_entry *entries, int *count) MUST_CHECK;

#endif
