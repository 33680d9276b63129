/* key_folder.h - the folder of the signing keys: one file per key, ID.key.
 *
 * The files have minisign's own format without a password (`minisign -G -W` makes
 * such a file, base/minisign.h writes them). Nobody but their owner may read them; a
 * group may when they belong to someone else, as Kubernetes mounts secrets. Links
 * are followed for the same reason.
 */
#ifndef HALLMARK_HALLMARKD_KEY_FOLDER_H
#define HALLMARK_HALLMARKD_KEY_FOLDER_H

#include "base/minisign.h"
#include "base/problem.h"

enum { KEY_FOLDER_MAX = 64 };

/* Makes the folder when it is missing (0700), and a new key in it: durable, 0600,
 * never over another one. What was secret is wiped before this returns. */
struct problem key_create(struct arena *a, const char *dir, struct minisign_public *out) MUST_CHECK;

struct signing_key {
	struct minisign_public public;
	struct minisign_secret secret;
};

struct key_folder {
	int n;
	struct signing_key *keys; /* in guarded memory, read-only */
};

/* Reads every *.key; NOT_FOUND when there is none. Any file that cannot be used is an
 * error that names it: a signer with half of its keys would surprise later. */
struct problem key_folder_read(struct arena *a, const char *dir, struct key_folder *out) MUST_CHECK;
void key_folder_close(struct key_folder *folder);

/* NULL when the key is not here. */
const struct signing_key *key_folder_find(const struct key_folder *folder,
					  const unsigned char id[MINISIGN_ID_BYTES]);

#endif
