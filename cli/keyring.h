/* keyring.h - the signing keys that are trusted here.
 *
 * A key file is one or more minisign public keys, one after the other; stock
 * minisign reads the first. Trust comes, in this order, from --key FILE, from
 * what this machine has kept about the server (it keeps the keys it meets first,
 * as ssh does), or, offline, from the folder itself, which proves that nothing
 * changed but not who signed.
 */
#ifndef HALLMARK_CLI_KEYRING_H
#define HALLMARK_CLI_KEYRING_H

#include "base/minisign.h"
#include "cli/cli.h"

enum keyring_trust { TRUST_GIVEN, TRUST_KEPT, TRUST_FIRST, TRUST_FOLDER };

struct keyring {
	struct minisign_public *keys;
	size_t count;
	enum keyring_trust trust;
	const char *from; /* the file, or the server */
};

extern const char *const keyring_trust_words[]; /* "given", "kept", "first-use", "folder" */

/* from is named in problems. CLI_USAGE when there is no key in it. */
MUST_CHECK struct problem keyring_parse(struct arena *a, const char *text, size_t len,
					const char *from, struct keyring *ring);
MUST_CHECK struct problem keyring_file(struct arena *a, const char *path, struct keyring *ring);

/* What is kept about the server; count is 0 when nothing is. */
MUST_CHECK struct problem keyring_kept(struct arena *a, const char *origin, struct keyring *ring);
MUST_CHECK struct problem keyring_keep(struct arena *a, const char *origin,
				       const struct keyring *ring);

/* Every key that the registry publishes: active, retired and standing by. */
MUST_CHECK struct problem keyring_server(struct cli *cli, struct keyring *ring);

/* For pull: --key FILE, else the kept ones, else the registry's for the first time. */
MUST_CHECK struct problem keyring_for(struct cli *cli, const char *key_file, struct keyring *ring);

const struct minisign_public *keyring_key(const struct keyring *ring,
					  const unsigned char id[MINISIGN_ID_BYTES]);
void keyring_add(struct arena *a, struct keyring *ring, const struct minisign_public *k);

/* The text of a key file, with the key named first at its head (NULL: as they are). */
const char *keyring_text(struct arena *a, const struct keyring *ring,
			 const struct minisign_public *first);

#endif
