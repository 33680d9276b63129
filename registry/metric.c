#include "registry/metric.h"

#include "registry/name.h"

static const struct column columns[] = {
	COLUMN(struct metric, name, OID_TEXT),   COLUMN(struct metric, dataset, OID_TEXT),
	COLUMN(struct metric, slice, OID_TEXT),  COLUMN(struct metric, value, OID_FLOAT8),
	NULLABLE(struct metric, step, OID_INT8), COLUMN(struct metric, at, OID_TIMESTAMPTZ),
};
static const struct column point_columns[] = {
	COLUMN(struct metric, arrival, OID_INT8),
	COLUMN(struct metric, created_at, OID_TIMESTAMPTZ),
	COLUMN(struct metric, created_by, OID_TEXT),
};

struct problem metric_read(struct arena *a, const PGresult *res, int row, struct metric *out)
{
	*out = (struct metric){0};
	TRY(row_find(a, res, row, COLUMNS(columns), out));
	out->has_step = !row_null(res, row, "step");
	if (row_column(res, "arrival") >= 0)
		TRY(row_find(a, res, row, COLUMNS(point_columns), out));
	return NO_PROBLEM;
}

static void write_text_if(struct json_out *j, const char *key, const char *value)
{
	if (value && *value)
		jw_key(j, key), jw_text(j, value);
}

void metric_write(struct json_out *j, const struct metric *m)
{
	jw_object(j);
	jw_key(j, "name"), jw_text(j, m->name);
	jw_key(j, "value"), jw_number(j, m->value);
	write_text_if(j, "dataset", m->dataset);
	write_text_if(j, "slice", m->slice);
	if (m->has_step)
		jw_key(j, "step"), jw_int(j, m->step);
	if (m->at != INT64_MIN)
		jw_key(j, "at"), jw_time(j, m->at);
	if (m->created_by) {
		jw_key(j, "created_at"), jw_time(j, m->created_at);
		jw_key(j, "created_by"), jw_text(j, m->created_by);
	}
	jw_end_object(j);
}

/* A draft is the same struct: what statements take is the document of a new point. */
static const struct draft_field fields[] = {
	{DRAFT_MEMBER(struct metric, name, DRAFT_TEXT), .required = true, .rule = name_metric},
	{DRAFT_MEMBER(struct metric, value, DRAFT_NUMBER), .required = true},
	{DRAFT_MEMBER(struct metric, dataset, DRAFT_TEXT), .nullable = true, .rule = name_dataset},
	{DRAFT_MEMBER(struct metric, slice, DRAFT_TEXT), .nullable = true, .rule = name_slice},
	{DRAFT_MEMBER(struct metric, step, DRAFT_INT), .nullable = true, .min = INT64_MIN + 1,
	 .max = INT64_MAX},
	{DRAFT_MEMBER(struct metric, at, DRAFT_TIME), .nullable = true},
};

static void note_step(struct draft *d, const char *pointer, void *out)
{
	struct metric *m = out;

	(void)d, (void)pointer;
	m->has_step = m->step != INT64_MIN;
}

const struct draft_shape metric_shape = DRAFT_SHAPE_CHECKED(struct metric, fields, note_step);

const char *metrics_text(struct arena *a, const struct draft_list *metrics)
{
	const struct metric *m = metrics->items;
	struct json_out j = json_out_new(a);

	if (metrics->n == 0)
		return NULL;
	jw_array(&j);
	for (size_t i = 0; i < metrics->n; i++)
		metric_write(&j, &m[i]);
	jw_end_array(&j);
	return jw_done(&j);
}

struct body {
	struct draft_list metrics;
};

static const struct draft_field body_fields[] = {
	{DRAFT_MEMBER(struct body, metrics, DRAFT_LIST), .required = true, .min = 1,
	 .max = METRICS_MAX, .shape = &metric_shape},
};
static const struct draft_shape body_shape = DRAFT_SHAPE(struct body, body_fields);

struct problem metric_list_draft_read(struct arena *a, const char *body, size_t len,
				      struct metric_list_draft *out)
{
	struct body b;

	TRY(draft_body(a, body, len, &body_shape, &b));
	*out = (struct metric_list_draft){metrics_text(a, &b.metrics), b.metrics.n};
	return NO_PROBLEM;
}
