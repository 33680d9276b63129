/* model.h - a model: its row, its document, what may be written to it. */
#ifndef HALLMARK_REGISTRY_MODEL_H
#define HALLMARK_REGISTRY_MODEL_H

#include "base/json_out.h"
#include "base/uuid.h"
#include "sql/row.h"

struct model {
	unsigned char id[UUID_BYTES];
	const char *project, *name, *description;
	const char *card; /* Markdown; NULL in lists, which leave it out */
	const char *tags; /* JSON text */
	int64_t created_at;
	const char *created_by;
	int64_t updated_at;
	int64_t row_version; /* the ETag */
	const char *latest;  /* the highest published release; NULL when there is none */
};

/* Reads the columns by their names, card only where the result has it. */
struct problem model_read(struct arena *a, const PGresult *res, int row,
			  struct model *out) MUST_CHECK;

/* {"id", "project", "name", "description", "card", "tags", "latest", "created_at", …} */
void model_write(struct json_out *j, const struct model *m);

/* PUT {"description", "card", "tags"}: the whole content; NULL where it was left out. */
struct model_draft {
	const char *description, *card;
	const char *tags; /* JSON text */
};
struct problem model_draft_read(struct arena *a, const char *body, size_t len,
				struct model_draft *out) MUST_CHECK;

/* PATCH (RFC 7396) {"name", "description", "card", "tags"}: NULL where it was left out;
 * null empties description and card, and removes a tag. */
struct model_patch {
	const char *name, *description, *card;
	const char *tags; /* JSON text, null for tags to remove */
};
struct problem model_patch_read(struct arena *a, const char *body, size_t len,
				struct model_patch *out) MUST_CHECK;

#endif
