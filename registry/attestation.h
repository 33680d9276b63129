/* attestation.h - what the signature of a version says: an in-toto Statement v1.
 *
 * https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. Its subjects
 * are all files of the version by path and SHA-256, so that one file can be checked
 * without the others. The predicate says which version of which model they are, with
 * its params and lineage:
 *
 *	{"_type":"https://in-toto.io/Statement/v1",
 *	 "subject":[{"name":"onnx/model.onnx","digest":{"sha256":"…"}}, …],
 *	 "predicateType":"urn:hallmark:attestation:v1",
 *	 "predicate":{"project":…,"model":…,"model_id":…,"version":…,"version_id":…,
 *	  "ordinal":…,"params":{…},"lineage":[…],"key_id":"…","created_at":"…"}}
 *
 * What may change after publishing (metrics, tags, aliases) and where bytes are kept
 * are not part of it.
 */
#ifndef HALLMARK_REGISTRY_ATTESTATION_H
#define HALLMARK_REGISTRY_ATTESTATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"

enum { ATTESTATION_FILES_MAX = 100000 };

/* From the manifest that the database makes: {project, model, model_id, version,
 * version_id, ordinal, params, lineage: […], files: [{path, sha256, size, media_type}]}.
 * INVALID for any other shape, for a name or path that breaks the rules of
 * registry/name.h, and for files that are not in the order of their paths' bytes
 * (so none is there twice). Memory: about 1.5 KB of the arena a file. */
struct problem attestation_statement(struct arena *a, const char *manifest, size_t len,
				     const char *key_id, int64_t created_at, const char **text,
				     size_t *text_len) MUST_CHECK;

/* What the trusted comment of an artifact's signature says, fields between TABs:
 * "project:…  model:…  version:…  path:…  sha256:…". INVALID when one of the names
 * breaks the rules of registry/name.h; none of them can hold a TAB. */
struct attestation_file {
	const char *project, *model, *version, *path;
	unsigned char sha256[32];
};
struct problem attestation_comment(struct arena *a, const struct attestation_file *f,
				   const char **comment) MUST_CHECK;

#endif
