/* project.h - a team's own part of the registry: its row, its document, its draft. */
#ifndef HALLMARK_REGISTRY_PROJECT_H
#define HALLMARK_REGISTRY_PROJECT_H

#include "base/json_out.h"
#include "sql/row.h"

struct project {
	const char *name, *description;
	int64_t created_at;
	const char *created_by;
	int64_t row_version; /* the ETag */
};

struct problem project_read(struct arena *a, const PGresult *res, int row,
			    struct project *out) MUST_CHECK;

/* {"name", "description", "created_at", "created_by"} */
void project_write(struct json_out *j, const struct project *p);

/* PUT {"description"} */
struct project_draft {
	const char *description; /* never NULL */
};
struct problem project_draft_read(struct arena *a, const char *body, size_t len,
				  struct project_draft *out) MUST_CHECK;

#endif
