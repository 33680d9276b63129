/* version.h - a version of a model: its row, its document, what may be written to it. */
#ifndef HALLMARK_REGISTRY_VERSION_H
#define HALLMARK_REGISTRY_VERSION_H

#include "base/json_out.h"
#include "base/uuid.h"
#include "sql/row.h"

struct version {
	unsigned char id[UUID_BYTES], model_id[UUID_BYTES];
	const char *project, *model;
	const char *version; /* the semantic version */
	int64_t ordinal;
	const char *state;
	const char *params, *tags; /* JSON text */
	const char *description, *reason;
	int64_t created_at, published_at; /* INT64_MIN: not published */
	const char *created_by, *published_by, *key_id;
	int64_t files, bytes;
	int64_t row_version; /* the ETag */
};

/* Reads the columns by their names. */
struct problem version_read(struct arena *a, const PGresult *res, int row,
			    struct version *out) MUST_CHECK;
/* The same of a result without project and model, for who asked by them. */
struct problem version_read_of(struct arena *a, const PGresult *res, int row, const char *project,
			       const char *model, struct version *out) MUST_CHECK;

/* {"id", "project", "model", "version", "ordinal", "state", "params", "tags", …} */
void version_write(struct json_out *j, const struct version *v);

/* A parent among the lineage: whose project the asker has to be allowed to read. */
struct version_parent {
	const char *project;
	const char *pointer; /* where the body names it */
};

/* POST {"version" or "bump", "params", "tags", "description", "metrics", "lineage"} */
struct version_draft {
	const char *version; /* canonical; NULL with bump */
	struct bytes precedence;
	bool prerelease;
	const char *bump; /* major, minor, patch; NULL with version */
	const char *params, *tags, *description;
	const char *metrics, *lineage; /* JSON text for the statement; NULL: none */
	const struct version_parent *parents;
	size_t nparents;
};
struct problem version_draft_read(struct arena *a, const char *body, size_t len,
				  struct version_draft *out) MUST_CHECK;

/* Appends what the statement versions/create takes from the body: version, precedence,
 * prerelease, bump, params, tags, description, metrics, lineage. */
void version_draft_args(struct args *args, const struct version_draft *d);

/* PATCH (RFC 7396) {"description", "params", "tags"}: NULL where it was left out; null
 * empties the description and removes a tag. Params are replaced as a whole. */
struct version_patch {
	const char *description, *params, *tags;
};
struct problem version_patch_read(struct arena *a, const char *body, size_t len,
				  struct version_patch *out) MUST_CHECK;

/* POST …/deprecate and …/yank {"reason"} */
struct reason_draft {
	const char *reason;
};
struct problem reason_draft_read(struct arena *a, const char *body, size_t len,
				 struct reason_draft *out) MUST_CHECK;

#endif
