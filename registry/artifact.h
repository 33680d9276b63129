/* artifact.h - a file of a version: its row and its document. */
#ifndef HALLMARK_REGISTRY_ARTIFACT_H
#define HALLMARK_REGISTRY_ARTIFACT_H

#include <stdint.h>

#include "base/digest.h"
#include "base/json_out.h"
#include "base/minisign.h"
#include "sql/row.h"

struct artifact {
	const char *path;
	struct bytes sha256, blake2b;
	int64_t size;
	const char *media_type;
	const char *minisig; /* the minisign signature's text */
	const char *key_id;
	const char *storage_key;
	const char *blob_state; /* live, quarantined, deleting */
	int64_t created_at;
	const char *created_by;
};

/* Reads the columns by their names; who made it and when only where the result says. */
struct problem artifact_read(struct arena *a, const PGresult *res, int row,
			     struct artifact *out) MUST_CHECK;

/* {"path","size","sha256","blake2b","media_type","key_id","created_at","created_by"} */
void artifact_write(struct json_out *j, const struct artifact *f);

/* Whether the row's signature is one of this path's bytes by this key: the trusted
 * comment must name the path and SHA-256, the signature the BLAKE2b. */
struct problem artifact_verify(struct arena *a, const struct artifact *f,
			       const struct minisign_public *key) MUST_CHECK;

/* A media type when the client named none: from the path's ending. */
const char *artifact_media_type(const char *path);

#endif
