#include "registry/project.h"

#include "base/draft.h"
#include "registry/name.h"

static const struct column columns[] = {
	COLUMN(struct project, name, OID_TEXT),
	COLUMN(struct project, description, OID_TEXT),
	COLUMN(struct project, created_at, OID_TIMESTAMPTZ),
	COLUMN(struct project, created_by, OID_TEXT),
	COLUMN(struct project, row_version, OID_INT8),
};

struct problem project_read(struct arena *a, const PGresult *res, int row, struct project *out)
{
	*out = (struct project){0};
	return row_find(a, res, row, COLUMNS(columns), out);
}

void project_write(struct json_out *j, const struct project *p)
{
	jw_object(j);
	jw_key(j, "name"), jw_text(j, p->name);
	jw_key(j, "description"), jw_text(j, p->description);
	jw_key(j, "created_at"), jw_time(j, p->created_at);
	jw_key(j, "created_by"), jw_text(j, p->created_by);
	jw_end_object(j);
}

static const struct draft_field fields[] = {
	{DRAFT_MEMBER(struct project_draft, description, DRAFT_TEXT), .rule = name_description},
};
static const struct draft_shape shape = DRAFT_SHAPE(struct project_draft, fields);

struct problem project_draft_read(struct arena *a, const char *body, size_t len,
				  struct project_draft *out)
{
	TRY(draft_body(a, body, len, &shape, out));
	if (!out->description)
		out->description = "";
	return NO_PROBLEM;
}
