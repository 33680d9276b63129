#include "registry/model.h"

#include <string.h>

#include "base/draft.h"
#include "registry/labels.h"
#include "registry/name.h"

static const struct column columns[] = {
	COLUMN(struct model, id, OID_UUID),
	COLUMN(struct model, project, OID_TEXT),
	COLUMN(struct model, name, OID_TEXT),
	COLUMN(struct model, description, OID_TEXT),
	COLUMN(struct model, tags, OID_JSONB),
	COLUMN(struct model, created_at, OID_TIMESTAMPTZ),
	COLUMN(struct model, created_by, OID_TEXT),
	COLUMN(struct model, updated_at, OID_TIMESTAMPTZ),
	COLUMN(struct model, row_version, OID_INT8),
	NULLABLE(struct model, latest, OID_TEXT),
};
static const struct column card_column[] = {COLUMN(struct model, card, OID_TEXT)};

struct problem model_read(struct arena *a, const PGresult *res, int row, struct model *out)
{
	*out = (struct model){0};
	if (row_column(res, "card") >= 0)
		TRY(row_find(a, res, row, COLUMNS(card_column), out));
	return row_find(a, res, row, COLUMNS(columns), out);
}

void model_write(struct json_out *j, const struct model *m)
{
	char id[UUID_TEXT];

	uuid_text(m->id, id);
	jw_object(j);
	jw_key(j, "id"), jw_text(j, id);
	jw_key(j, "project"), jw_text(j, m->project);
	jw_key(j, "name"), jw_text(j, m->name);
	jw_key(j, "description"), jw_text(j, m->description);
	if (m->card)
		jw_key(j, "card"), jw_text(j, m->card);
	jw_key(j, "tags"), jw_raw(j, m->tags, strlen(m->tags));
	jw_key(j, "latest"), jw_text(j, m->latest);
	jw_key(j, "created_at"), jw_time(j, m->created_at);
	jw_key(j, "created_by"), jw_text(j, m->created_by);
	jw_key(j, "updated_at"), jw_time(j, m->updated_at);
	jw_end_object(j);
}

/* What both bodies have; the draft's own table knows no name. */
struct body {
	const char *name, *description, *card;
	bool has_description, has_card;
	const json_t *tags;
};

static const struct draft_field draft_fields[] = {
	{DRAFT_MEMBER(struct body, description, DRAFT_TEXT), .rule = name_description},
	{DRAFT_MEMBER(struct body, card, DRAFT_TEXT), .rule = name_card},
	{DRAFT_MEMBER(struct body, tags, DRAFT_OBJECT), .max = TAGS_MAX, .look = tags_look},
};
static const struct draft_shape draft_shape = DRAFT_SHAPE(struct body, draft_fields);

static const struct draft_field patch_fields[] = {
	{DRAFT_MEMBER(struct body, name, DRAFT_TEXT), .rule = name_model},
	{DRAFT_MEMBER(struct body, description, DRAFT_TEXT), .rule = name_description,
	 .nullable = true, .given = offsetof(struct body, has_description)},
	{DRAFT_MEMBER(struct body, card, DRAFT_TEXT), .rule = name_card, .nullable = true,
	 .given = offsetof(struct body, has_card)},
	{DRAFT_MEMBER(struct body, tags, DRAFT_OBJECT), .max = TAGS_PATCH_MAX,
	 .look = tags_patch_look},
};
static const struct draft_shape patch_shape = DRAFT_SHAPE(struct body, patch_fields);

struct problem model_draft_read(struct arena *a, const char *body, size_t len,
				struct model_draft *out)
{
	struct body b;

	TRY(draft_body(a, body, len, &draft_shape, &b));
	*out = (struct model_draft){b.description, b.card, tree_text(a, b.tags)};
	return NO_PROBLEM;
}

struct problem model_patch_read(struct arena *a, const char *body, size_t len,
				struct model_patch *out)
{
	struct body b;

	TRY(draft_body(a, body, len, &patch_shape, &b));
	*out = (struct model_patch){
		.name = b.name,
		.description = b.has_description && !b.description ? "" : b.description,
		.card = b.has_card && !b.card ? "" : b.card,
		.tags = tree_text(a, b.tags),
	};
	return NO_PROBLEM;
}
