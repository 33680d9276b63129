/* fs_put.h - an upload into a store in a file system: see the order in storage/fs.h. */
#ifndef HALLMARK_STORAGE_FS_PUT_H
#define HALLMARK_STORAGE_FS_PUT_H

#include "storage/fs_folder.h"
#include "storage/key.h"

/* The operations of struct store_ops. */
struct problem fs_put_begin(struct store *s, struct arena *a, int64_t announced,
			    struct store_put **out) MUST_CHECK;
struct problem fs_put_write(struct store_put *p, struct arena *a, const void *data,
			    size_t len) MUST_CHECK;
struct problem fs_put_finish(struct store_put *p, struct arena *a, const unsigned char sha256[32],
			     char key[STORAGE_KEY]) MUST_CHECK;
void fs_put_abort(struct store_put *p);
/* A new file beneath incoming/, locked where locks are believed. Returns an errno. */
int fs_create_incoming(const struct fs *fs, char name[STORAGE_RANDOM_TEXT + 1], int *out);

#endif
