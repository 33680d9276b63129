/* sealed_folder.h - a folder that carries its own proof, in .hallmark:
 *
 *	attestation.json       the version's attestation as the registry stores it
 *	minisign.pub           the keys that signed; the attestation's own is first
 *	signatures/PATH.minisig   the signature of each file, for stock minisign
 *	origin.json            where it came from; a note, not proven by anything
 *	parts/                 transfers that were interrupted
 *
 * Everything is written below one descriptor of the folder, following no link.
 */
#ifndef HALLMARK_CLI_SEALED_FOLDER_H
#define HALLMARK_CLI_SEALED_FOLDER_H

#include "cli/file_digest.h"
#include "cli/place.h"
#include "cli/seal.h"

#define SEALED_ATTESTATION PLACE_OWN "/attestation.json"
#define SEALED_KEYS        PLACE_OWN "/minisign.pub"
#define SEALED_ORIGIN      PLACE_OWN "/origin.json"
#define SEALED_SIGNATURES  PLACE_OWN "/signatures"
#define SEALED_PARTS       PLACE_OWN "/parts"

/* One of the folder's own files; NOT_FOUND when it is not there. */
MUST_CHECK struct problem sealed_read(struct arena *a, int root, const char *path,
				      const char **text, size_t *len);
MUST_CHECK struct problem sealed_write(struct arena *a, int root, const char *path,
				       const void *bytes, size_t len);

/* The signature kept for a file of the version; NOT_FOUND when there is none. */
MUST_CHECK struct problem sealed_signature(struct arena *a, int root, const char *path,
					   const char **text, size_t *len);
MUST_CHECK struct problem sealed_keep_signature(struct arena *a, int root, const char *path,
						const char *text, size_t len);

/* What the folder's own key file holds. */
MUST_CHECK struct problem sealed_keys(struct arena *a, int root, struct keyring *ring);

/* The server that origin.json names; NULL when it names none. */
const char *sealed_origin(struct arena *a, int root);

/* The seal of the attestation that lies there. CLI_UNSIGNED when none does. */
MUST_CHECK struct problem sealed_seal(struct arena *a, int root, const struct keyring *ring,
				      struct seal *out);

enum verdict { VERDICT_SAME, VERDICT_MISSING, VERDICT_CHANGED, VERDICT_UNSIGNED };

/* Compares one file with the seal, and with its own signature when one is kept.
 * A problem means that it could not be compared. */
MUST_CHECK struct problem sealed_compare(struct arena *a, int root, const struct seal *s,
					 const struct keyring *ring, const struct sealed_file *f,
					 const struct reading_told *told, enum verdict *verdict);

#endif
