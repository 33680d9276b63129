/* seal.h - what a version's attestation says, believed only after its signature.
 *
 * The attestation is a DSSE envelope over an in-toto statement that lists every
 * file of the version with its SHA-256. Each file has a minisign signature too,
 * whose trusted comment must speak of the same version, path and digest.
 */
#ifndef HALLMARK_CLI_SEAL_H
#define HALLMARK_CLI_SEAL_H

#include "base/digest.h"
#include "cli/keyring.h"

struct sealed_file {
	const char *path; /* fit to be written: path_fault() found none */
	unsigned char sha256[SHA256_BYTES];
};

struct seal {
	const char *project, *model, *version, *created_at;
	int64_t ordinal;
	struct minisign_public key; /* that signed it */
	struct sealed_file *files;  /* sorted by path */
	size_t count;
};

/* CLI_BAD_SIGNATURE: no trusted key signed this. Only then is anything in it read;
 * paths that lead astray, doubles and files where folders must be are refused. */
MUST_CHECK struct problem seal_read(struct arena *a, const struct keyring *ring,
				    const char *envelope, size_t len, struct seal *out);

const struct sealed_file *seal_find(const struct seal *s, const char *path); /* or NULL */

/* The minisign signature of one file of the version, with the digests of its bytes. */
MUST_CHECK struct problem seal_check_file(struct arena *a, const struct seal *s,
					  const struct keyring *ring, const struct sealed_file *f,
					  const struct digests *d, const char *minisig, size_t len);

#endif
