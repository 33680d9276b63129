/* fetch.h - one file from the registry to its place, verified before it has a name.
 *
 * The bytes go to .hallmark/parts, are hashed as they come, and are renamed to
 * their place only when size, SHA-256 and minisign signature are right. What an
 * interrupted run left is read again and continued with a Range request.
 */
#ifndef HALLMARK_CLI_FETCH_H
#define HALLMARK_CLI_FETCH_H

#include "cli/progress.h"
#include "cli/sealed_folder.h"

/* What all files of one version have in common. Shared by threads, not changed. */
struct fetch {
	int root;
	const struct seal *seal;
	const struct keyring *ring;
	const char *artifacts, *signatures; /* targets, up to the path */
	const int64_t *sizes;               /* for each file of the seal; -1: not known */
	struct progress *progress;
};

/* File number i of the seal. *there: it was in its place already. */
MUST_CHECK struct problem fetch_file(const struct fetch *f, struct http *http, struct arena *a,
				     size_t i, bool *there);

#endif
