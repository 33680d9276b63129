/* alias.h - a movable name for a version: its row, its history, its draft. */
#ifndef HALLMARK_REGISTRY_ALIAS_H
#define HALLMARK_REGISTRY_ALIAS_H

#include "base/json_out.h"
#include "base/uuid.h"
#include "sql/row.h"

struct alias {
	const char *project, *model, *alias;
	unsigned char model_id[UUID_BYTES], version_id[UUID_BYTES];
	const char *version, *state;
	int64_t ordinal;
	int64_t moved_at;
	const char *moved_by;
	int64_t row_version; /* the ETag */
};
extern const struct column alias_columns[]; /* for row_find() */
extern const int alias_ncolumns;

/* {"project", "model", "alias", "version", "version_id", "ordinal", "state", "moved_at",
 * "moved_by"} */
void alias_write(struct json_out *j, const struct alias *alias);

/* Where it was moved, once. */
struct alias_move {
	int64_t id;
	const char *from_version, *to_version; /* NULL: there was none, it was removed */
	int64_t moved_at;
	const char *moved_by;
};
extern const struct column alias_move_columns[];
extern const int alias_move_ncolumns;

/* {"from", "to", "moved_at", "moved_by"} */
void alias_move_write(struct json_out *j, const struct alias_move *move);

/* PUT {"version"}: a reference, which the reader of references has yet to look at. */
struct alias_draft {
	const char *version;
};
struct problem alias_draft_read(struct arena *a, const char *body, size_t len,
				struct alias_draft *out) MUST_CHECK;

#endif
