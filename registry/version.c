#include "registry/version.h"

#include <string.h>

#include "base/draft.h"
#include "registry/labels.h"
#include "registry/lineage.h"
#include "registry/metric.h"
#include "registry/name.h"
#include "registry/semver.h"

static const struct column columns[] = {
	COLUMN(struct version, id, OID_UUID),
	COLUMN(struct version, model_id, OID_UUID),
	COLUMN(struct version, version, OID_TEXT),
	COLUMN(struct version, ordinal, OID_INT8),
	COLUMN(struct version, state, OID_TEXT),
	COLUMN(struct version, params, OID_JSON),
	COLUMN(struct version, tags, OID_JSONB),
	COLUMN(struct version, description, OID_TEXT),
	NULLABLE(struct version, reason, OID_TEXT),
	COLUMN(struct version, created_at, OID_TIMESTAMPTZ),
	COLUMN(struct version, created_by, OID_TEXT),
	NULLABLE(struct version, published_at, OID_TIMESTAMPTZ),
	NULLABLE(struct version, published_by, OID_TEXT),
	NULLABLE(struct version, key_id, OID_TEXT),
	COLUMN(struct version, files, OID_INT8),
	COLUMN(struct version, bytes, OID_INT8),
	COLUMN(struct version, row_version, OID_INT8),
};
static const struct column name_columns[] = {
	COLUMN(struct version, project, OID_TEXT),
	COLUMN(struct version, model, OID_TEXT),
};

struct problem version_read(struct arena *a, const PGresult *res, int row, struct version *out)
{
	*out = (struct version){0};
	TRY(row_find(a, res, row, COLUMNS(name_columns), out));
	return row_find(a, res, row, COLUMNS(columns), out);
}

struct problem version_read_of(struct arena *a, const PGresult *res, int row, const char *project,
			       const char *model, struct version *out)
{
	*out = (struct version){.project = project, .model = model};
	return row_find(a, res, row, COLUMNS(columns), out);
}

static void write_id(struct json_out *j, const char *key, const unsigned char *id)
{
	char text[UUID_TEXT];

	uuid_text(id, text);
	jw_key(j, key), jw_text(j, text);
}

void version_write(struct json_out *j, const struct version *v)
{
	jw_object(j);
	write_id(j, "id", v->id);
	jw_key(j, "project"), jw_text(j, v->project);
	jw_key(j, "model"), jw_text(j, v->model);
	write_id(j, "model_id", v->model_id);
	jw_key(j, "version"), jw_text(j, v->version);
	jw_key(j, "ordinal"), jw_int(j, v->ordinal);
	jw_key(j, "state"), jw_text(j, v->state);
	jw_key(j, "reason"), jw_text(j, v->reason);
	jw_key(j, "description"), jw_text(j, v->description);
	jw_key(j, "params"), jw_raw(j, v->params, strlen(v->params));
	jw_key(j, "tags"), jw_raw(j, v->tags, strlen(v->tags));
	jw_key(j, "files"), jw_int(j, v->files);
	jw_key(j, "bytes"), jw_int(j, v->bytes);
	jw_key(j, "created_at"), jw_time(j, v->created_at);
	jw_key(j, "created_by"), jw_text(j, v->created_by);
	jw_key(j, "published_at"), jw_time(j, v->published_at);
	jw_key(j, "published_by"), jw_text(j, v->published_by);
	jw_key(j, "key_id"), jw_text(j, v->key_id);
	jw_end_object(j);
}

/* ---- the body of a new version ------------------------------------------------------- */

static const char *const bumps[] = {"major", "minor", "patch", NULL};

struct body {
	const char *version, *description;
	int bump;
	const json_t *params, *tags;
	struct draft_list metrics, lineage;
};

static struct problem full_version(struct arena *a, const char *where, const char *s, size_t len)
{
	struct semver v;

	return semver_read(a, where, s, len, &v);
}

static void check_version_or_bump(struct draft *d, const char *pointer, void *out)
{
	const struct body *b = out;

	if (!b->version && b->bump < 0)
		draft_fault(d, pointer,
			    "say which version this is: \"version\":\"1.0.0\", or "
			    "\"bump\":\"major\", \"minor\" or \"patch\" to count on");
	if (b->version && b->bump >= 0)
		draft_fault(d, pointer,
			    "\"version\" and \"bump\" exclude each other; leave one out");
}

static const struct draft_field draft_fields[] = {
	{DRAFT_MEMBER(struct body, version, DRAFT_TEXT), .rule = full_version},
	{DRAFT_MEMBER(struct body, bump, DRAFT_WORD), .words = bumps},
	{DRAFT_MEMBER(struct body, description, DRAFT_TEXT), .rule = name_description},
	{DRAFT_MEMBER(struct body, params, DRAFT_OBJECT), .max = PARAMS_MAX, .look = params_look},
	{DRAFT_MEMBER(struct body, tags, DRAFT_OBJECT), .max = TAGS_MAX, .look = tags_look},
	{DRAFT_MEMBER(struct body, metrics, DRAFT_LIST), .max = METRICS_MAX,
	 .shape = &metric_shape},
	{DRAFT_MEMBER(struct body, lineage, DRAFT_LIST), .max = LINEAGE_MAX,
	 .shape = &lineage_shape},
};
static const struct draft_shape draft_shape =
	DRAFT_SHAPE_CHECKED(struct body, draft_fields, check_version_or_bump);

static const char *object_or_empty(struct arena *a, const json_t *object)
{
	return object ? tree_text(a, object) : "{}";
}

static void list_parents(struct arena *a, const struct draft_list *lineage,
			 struct version_draft *out)
{
	const struct lineage_draft *edges = lineage->items;
	struct version_parent *parents = arena_array(a, struct version_parent, lineage->n);

	for (size_t i = 0; i < lineage->n; i++) {
		if (edges[i].kind != LINEAGE_PARENT)
			continue;
		parents[out->nparents++] = (struct version_parent){
			.project = edges[i].parent.project,
			.pointer = arena_printf(a, "/lineage/%zu/version", i),
		};
	}
	out->parents = parents;
}

struct problem version_draft_read(struct arena *a, const char *body, size_t len,
				  struct version_draft *out)
{
	struct body b;

	TRY(draft_body(a, body, len, &draft_shape, &b));
	*out = (struct version_draft){
		.bump = b.bump < 0 ? NULL : bumps[b.bump],
		.params = object_or_empty(a, b.params),
		.tags = object_or_empty(a, b.tags),
		.description = b.description ? b.description : "",
		.metrics = metrics_text(a, &b.metrics),
		.lineage = lineage_text(a, &b.lineage),
	};
	list_parents(a, &b.lineage, out);
	if (!b.version)
		return NO_PROBLEM;

	struct semver v;
	TRY(semver_read(a, "/version", b.version, strlen(b.version), &v));
	out->version = v.text;
	out->precedence = semver_key(a, &v);
	out->prerelease = semver_is_prerelease(&v);
	return NO_PROBLEM;
}

void version_draft_args(struct args *args, const struct version_draft *d)
{
	arg_text(args, d->version);
	arg_bytes(args, d->precedence);
	if (d->version)
		arg_bool(args, d->prerelease);
	else
		arg_null(args);
	arg_text(args, d->bump);
	arg_text(args, d->params);
	arg_text(args, d->tags);
	arg_text(args, d->description);
	arg_text(args, d->metrics);
	arg_text(args, d->lineage);
}

/* ---- changes ------------------------------------------------------------------------------ */

struct patch_body {
	const char *description;
	bool has_description;
	const json_t *params, *tags;
};

static const struct draft_field patch_fields[] = {
	{DRAFT_MEMBER(struct patch_body, description, DRAFT_TEXT), .rule = name_description,
	 .nullable = true, .given = offsetof(struct patch_body, has_description)},
	{DRAFT_MEMBER(struct patch_body, params, DRAFT_OBJECT), .max = PARAMS_MAX,
	 .look = params_look},
	{DRAFT_MEMBER(struct patch_body, tags, DRAFT_OBJECT), .max = TAGS_PATCH_MAX,
	 .look = tags_patch_look},
};
static const struct draft_shape patch_shape = DRAFT_SHAPE(struct patch_body, patch_fields);

struct problem version_patch_read(struct arena *a, const char *body, size_t len,
				  struct version_patch *out)
{
	struct patch_body b;

	TRY(draft_body(a, body, len, &patch_shape, &b));
	*out = (struct version_patch){
		.description = b.has_description && !b.description ? "" : b.description,
		.params = tree_text(a, b.params),
		.tags = tree_text(a, b.tags),
	};
	return NO_PROBLEM;
}

static const struct draft_field reason_fields[] = {
	{DRAFT_MEMBER(struct reason_draft, reason, DRAFT_TEXT), .required = true,
	 .rule = name_note},
};
static const struct draft_shape reason_shape = DRAFT_SHAPE(struct reason_draft, reason_fields);

struct problem reason_draft_read(struct arena *a, const char *body, size_t len,
				 struct reason_draft *out)
{
	return draft_body(a, body, len, &reason_shape, out);
}
