/* fs.h - a store in a folder: local disk, NFS or any other file system.
 *
 *	FOLDER/blobs/ab/cd/<sha256>.<random>   what is stored; never written again
 *	FOLDER/incoming/<random>               uploads on their way
 *
 * Both must lie on one file system, because a finished upload moves by rename.
 * The order that makes it durable: write, fsync the file, rename, close, fsync
 * the folder and whichever parents this process has not yet seen safe.
 *
 * On a local disk a large upload passes by the page cache (O_DIRECT) as long as its
 * pieces begin on a page of memory and are whole pages long, as those of gather.h
 * are; any other piece, and a medium that has no such writes, is no problem. Its
 * first reader therefore finds it on the medium, not in memory.
 *
 * Several processes may share a folder. On a local disk every upload holds a
 * flock(2) on its file, so the sweep knows what is dead. Locks between machines
 * cannot be trusted; on any file system not known to be local an upload counts
 * as dead when it has not grown for FS_DEAD_AFTER seconds of the server's clock.
 */
#ifndef HALLMARK_STORAGE_FS_H
#define HALLMARK_STORAGE_FS_H

#include "storage/store.h"

enum { FS_DEAD_AFTER = 24 * 60 * 60 };

/* folder as store_folder() gives it; its parent must exist. */
struct problem fs_open(struct arena *a, const char *folder, struct store **out) MUST_CHECK;

#endif
