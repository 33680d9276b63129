#include "registry/alias.h"

#include "base/draft.h"

const struct column alias_columns[] = {
	COLUMN(struct alias, project, OID_TEXT),         COLUMN(struct alias, model, OID_TEXT),
	COLUMN(struct alias, alias, OID_TEXT),           COLUMN(struct alias, model_id, OID_UUID),
	COLUMN(struct alias, version_id, OID_UUID),      COLUMN(struct alias, version, OID_TEXT),
	COLUMN(struct alias, state, OID_TEXT),           COLUMN(struct alias, ordinal, OID_INT8),
	COLUMN(struct alias, moved_at, OID_TIMESTAMPTZ), COLUMN(struct alias, moved_by, OID_TEXT),
	COLUMN(struct alias, row_version, OID_INT8),
};
const int alias_ncolumns = sizeof(alias_columns) / sizeof(alias_columns[0]);

void alias_write(struct json_out *j, const struct alias *alias)
{
	char id[UUID_TEXT];

	uuid_text(alias->version_id, id);
	jw_object(j);
	jw_key(j, "project"), jw_text(j, alias->project);
	jw_key(j, "model"), jw_text(j, alias->model);
	jw_key(j, "alias"), jw_text(j, alias->alias);
	jw_key(j, "version"), jw_text(j, alias->version);
	jw_key(j, "version_id"), jw_text(j, id);
	jw_key(j, "ordinal"), jw_int(j, alias->ordinal);
	jw_key(j, "state"), jw_text(j, alias->state);
	jw_key(j, "moved_at"), jw_time(j, alias->moved_at);
	jw_key(j, "moved_by"), jw_text(j, alias->moved_by);
	jw_end_object(j);
}

const struct column alias_move_columns[] = {
	COLUMN(struct alias_move, id, OID_INT8),
	NULLABLE(struct alias_move, from_version, OID_TEXT),
	NULLABLE(struct alias_move, to_version, OID_TEXT),
	COLUMN(struct alias_move, moved_at, OID_TIMESTAMPTZ),
	COLUMN(struct alias_move, moved_by, OID_TEXT),
};
const int alias_move_ncolumns = sizeof(alias_move_columns) / sizeof(alias_move_columns[0]);

void alias_move_write(struct json_out *j, const struct alias_move *move)
{
	jw_object(j);
	jw_key(j, "from"), jw_text(j, move->from_version);
	jw_key(j, "to"), jw_text(j, move->to_version);
	jw_key(j, "moved_at"), jw_time(j, move->moved_at);
	jw_key(j, "moved_by"), jw_text(j, move->moved_by);
	jw_end_object(j);
}

static const struct draft_field fields[] = {
	{DRAFT_MEMBER(struct alias_draft, version, DRAFT_TEXT), .required = true},
};
static const struct draft_shape shape = DRAFT_SHAPE(struct alias_draft, fields);

struct problem alias_draft_read(struct arena *a, const char *body, size_t len,
				struct alias_draft *out)
{
	return draft_body(a, body, len, &shape, out);
}
