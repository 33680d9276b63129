/* lineage.h - where a version comes from, as the draft of a version says it.
 *
 *	{"kind": "dataset", "uri": "s3://data/stsb", "digest": "sha256:…"}
 *	{"kind": "code", "uri": "https://git.example/r.git", "commit": "<40 or 64 hex>"}
 *	{"kind": "run", "uri": "https://ci.example/runs/17"}
 *	{"kind": "image", "uri": "registry.example/train:1", "digest": "sha256:…"}
 *	{"kind": "parent", "relation": "fine_tune", "version": "default/base@1.0.0"}
 *
 * Digests may be left out. A parent may be named by any reference; it is resolved
 * once, when the version is made, and has to be published by then.
 */
#ifndef HALLMARK_REGISTRY_LINEAGE_H
#define HALLMARK_REGISTRY_LINEAGE_H

#include "base/draft.h"
#include "base/json_out.h"
#include "registry/reference.h"

enum { LINEAGE_MAX = 1000 }; /* edges of one version */

enum lineage_kind {
	LINEAGE_DATASET,
	LINEAGE_CODE,
	LINEAGE_RUN,
	LINEAGE_IMAGE,
	LINEAGE_PARENT,
};
extern const char *const lineage_kinds[];     /* by enum lineage_kind, ends with NULL */
extern const char *const lineage_relations[]; /* of a parent, ends with NULL */

struct lineage_draft {
	int kind;
	int relation; /* of lineage_relations, -1: none */
	const char *uri, *digest, *commit, *version;
	struct version_name parent; /* what version means */
};

/* An item of DRAFT_LIST, and the list as statements take it: parents as references. */
extern const struct draft_shape lineage_shape;
const char *lineage_text(struct arena *a, const struct draft_list *edges); /* NULL: empty */

#endif
